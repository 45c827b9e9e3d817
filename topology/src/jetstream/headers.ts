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

/** The first value of a header, matched without case. */
export function headerOf(list: HeaderList, name: string): string | undefined {
  const wanted = name.toLowerCase();
  return list.find(([key]) => key.toLowerCase() === wanted)?.[1];
}

/**
 * Where a sourced message came from: `Nats-Stream-Source: <stream> <seq> <filters> <dests> [<subject>]`. An external
 * stream is named `name:hash`, and so is none of this account's, whose names may have a colon; undefined for a message that was published here.
 */
export function sourceOf(list: HeaderList): { stream: string; seq: number } | undefined {
  const value = headerOf(list, 'Nats-Stream-Source');
  if (!value) return undefined;
  const [stream, seq] = value.split(' ');
  if (!stream || !seq) return undefined;
  return { stream, seq: Number(seq) };
}

/** The part of the client's message that its types do not show (nats 2.29.3, lib/nats-base-client/msg.js): how many bytes of headers stand before the payload, -1 for none. */
interface MsgInside {
  _msg?: { hdr: number };
}

const NONE = new Uint8Array(0);

/**
 * The header block of a message as it came; empty without one. A server takes any bytes there, and so do other clients, while this client's own
 * reading (`headers`) throws at a name that it does not like, in the middle of its parser: the connection hears nothing any more. So what others may
 * have published is read from here.
 */
export function headerBlock(message: Msg): Uint8Array {
  const length = (message as unknown as MsgInside)._msg?.hdr ?? -1;
  if (length <= 0) return NONE;
  const { buffer, byteOffset } = message.data;
  return new Uint8Array(buffer, byteOffset - length, length);
}

/** A message's headers by name, as they came; without any, an empty map. */
export const headersOf = (message: Msg): Map<string, string[]> => headersByName(headerBlock(message));

/** The same, of a raw header block. */
export function headersByName(raw: Uint8Array): Map<string, string[]> {
  const headers = new Map<string, string[]>();
  for (const [name, value] of parseHeaders(raw)) {
    const values = headers.get(name);
    if (values) values.push(value);
    else headers.set(name, [value]);
  }
  return headers;
}

const STATUS = /^NATS\/1\.0 +(\d{3}) *(.*)/;
const VERSION_BYTES = 'NATS/1.0'.length;
const CARRIAGE_RETURN = 0x0d;
const NO_STATUS = { code: 0, description: '' };

/** What a server says instead of a message, e.g. 404 `No Messages`; code 0 for a message. */
export function statusOf(message: Msg): { code: number; description: string } {
  const block = headerBlock(message);
  if (block.length === 0 || block[VERSION_BYTES] === CARRIAGE_RETURN) return NO_STATUS;
  const [, code, description = ''] = STATUS.exec(decoder.decode(block)) ?? [];
  return code === undefined ? NO_STATUS : { code: Number(code), description };
}

/** Headers that go out as they came, byte for byte; undefined where there are none. */
export function sameHeaders(message: Msg): MsgHdrs | undefined {
  const block = headerBlock(message);
  return block.length === 0 ? undefined : Object.assign(newHeaders(), { encode: () => block });
}
