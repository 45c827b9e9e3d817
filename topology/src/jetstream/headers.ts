import { type Msg, type MsgHdrs, newHeaders } from './clientTypes.ts';

const decoder = new TextDecoder();

/** `[name, value]` in the order of the wire; a name may repeat. */
export type HeaderList = [name: string, value: string][];

/** Reads a raw header block (`NATS/1.0[ status]\r\n` name: value lines). An empty block is an empty list. */
export function parseHeaders(raw: Uint8Array): HeaderList {
  if (raw.length === 0) return [];
  const list: HeaderList = [];
  const lines = decoder.decode(raw).split('\r\n');
  for (const line of lines.slice(1)) {
    const colon = line.indexOf(':');
    if (colon > 0) list.push([line.slice(0, colon), line.slice(colon + 1).trim()]);
  }
  return list;
}

/** One character a byte: what is read in bulk is looked through as a string, and nothing is lost by it. */
const asText = (bytes: Uint8Array, end: number): string =>
  (Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, end)).toString(
    'latin1',
    0,
    end,
  );

const BEYOND_ASCII = /[\x80-\xff]/;
const BLANK_LINE = '\r\n\r\n';

/**
 * A message's headers as they came. They are read when somebody asks: of what is read in bulk, most is looked at for one of them or for none.
 * Names count as they are written, as for a server.
 */
export class MessageHeaders {
  private readonly bytes: Uint8Array;
  private readonly end: number;
  private readText: string | undefined;
  private readAll: Map<string, string[]> | undefined;

  /** A raw header block, or one that stands before a payload: it ends at `end`. */
  constructor(bytes: Uint8Array, end = bytes.length) {
    this.bytes = bytes;
    this.end = end;
  }

  /** The block, one character a byte, without the blank line at its end; empty without headers. */
  get text(): string {
    if (this.readText !== undefined) return this.readText;
    const text = this.end === 0 ? '' : asText(this.bytes, this.end);
    return (this.readText = text.endsWith(BLANK_LINE) ? text.slice(0, -BLANK_LINE.length) : text);
  }

  /** The first value of a name. */
  first(name: string): string | undefined {
    const { text } = this;
    const at = text.indexOf(`\r\n${name}:`);
    if (at < 0) return undefined;
    const end = text.indexOf('\r\n', at + 2);
    const value = text.slice(at + 3 + name.length, end < 0 ? text.length : end);
    return BEYOND_ASCII.test(value) ? this.all.get(name)?.[0] : value.trim();
  }

  has(name: string): boolean {
    return this.text.includes(`\r\n${name}:`);
  }

  /** Every value by its name, in the order of the wire. */
  get all(): ReadonlyMap<string, string[]> {
    if (this.readAll) return this.readAll;
    const all = new Map<string, string[]>();
    for (const [name, value] of parseHeaders(this.bytes.subarray(0, this.end))) {
      const values = all.get(name);
      if (values) values.push(value);
      else all.set(name, [value]);
    }
    return (this.readAll = all);
  }
}

/**
 * Where a sourced message came from: `Nats-Stream-Source: <stream> <seq> <filters> <dests> [<subject>]`. An external
 * stream is named `name:hash`, and so is none of this account's, whose names may have a colon; undefined for a message that was published here.
 */
export function copiedFrom(headers: MessageHeaders): { stream: string; seq: number } | undefined {
  const value = headers.first('Nats-Stream-Source');
  if (!value) return undefined;
  const [stream, seq] = value.split(' ', 2);
  if (!stream || !seq) return undefined;
  return { stream, seq: Number(seq) };
}

/** The part of the client's message that its types do not show (nats 2.29.3, lib/nats-base-client/msg.js): the headers and the payload behind them, and how many bytes of headers there are, -1 for none. */
interface MsgInside {
  _msg?: { hdr: number };
  _rdata?: Uint8Array;
}

const NONE = new Uint8Array(0);

/** Headers and payload of a message, and where the payload begins. */
export function bytesOf(message: Msg): { bytes: Uint8Array; payloadAt: number } {
  const { _msg, _rdata } = message as unknown as MsgInside;
  return { bytes: _rdata ?? NONE, payloadAt: Math.max(0, _msg?.hdr ?? 0) };
}

/**
 * The header block of a message as it came; empty without one. A server takes any bytes there, and so do other clients, while this client's own
 * reading (`headers`) throws at a name that it does not like, in the middle of its parser: the connection hears nothing any more. So what others may
 * have published is read from here.
 */
export function headerBlock(message: Msg): Uint8Array {
  const { bytes, payloadAt } = bytesOf(message);
  return bytes.subarray(0, payloadAt);
}

export function headersOf(message: Msg): MessageHeaders {
  const { bytes, payloadAt } = bytesOf(message);
  return new MessageHeaders(bytes, payloadAt);
}

const STATUS = /^NATS\/1\.0 +(\d{3}) *(.*)/;
const VERSION_BYTES = 'NATS/1.0'.length;
const CARRIAGE_RETURN = 0x0d;
const NO_STATUS = { code: 0, description: '' };

/** What a server says instead of a message, e.g. 404 `No Messages`; code 0 for a message. */
export function statusOf(message: Msg): { code: number; description: string } {
  const { bytes, payloadAt } = bytesOf(message);
  if (payloadAt === 0 || bytes[VERSION_BYTES] === CARRIAGE_RETURN) return NO_STATUS;
  const [, code, description = ''] = STATUS.exec(decoder.decode(bytes.subarray(0, payloadAt))) ?? [];
  return code === undefined ? NO_STATUS : { code: Number(code), description };
}

/** Headers that go out as they came, byte for byte; undefined where there are none. */
export function sameHeaders(message: Msg): MsgHdrs | undefined {
  const block = headerBlock(message);
  return block.length === 0 ? undefined : Object.assign(newHeaders(), { encode: () => block });
}
