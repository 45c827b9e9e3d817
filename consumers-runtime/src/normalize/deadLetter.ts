import { headers as newHeaders, type MsgHdrs, type NatsConnection } from 'nats';
import { isLetterOf } from './isLetterOf.ts';
import type { DeadLetterReason } from './message.ts';
import { readStored } from './readStored.ts';

/** A message that is given up, and where it stood. */
export interface DeadLetter {
  reason: DeadLetterReason;
  error: string;
  stream: string;
  seq: number;
  subject: string;
  durable: string;
  deliveries: number;
  /** When its stream stored it, ms since 1970; of one that has `expired`, of which that is not known, when it died. */
  atMs: number;
  data: Uint8Array;
  headers: MsgHdrs | undefined;
}

/** Header values are one line of at most this length; an error may quote a hostile value. */
const MAX_ERROR = 500;
/** Bytes of headers that JetStream stores at most, whatever max_payload says: the length is kept in 16 bits. */
const MAX_HEADERS = 65_535;
/** Refusals that leaving something out helps with: larger than the stream's max_msg_size, more headers than a stream stores. */
const TOO_LARGE = new Set([10054, 10097]);

interface PubAck {
  stream?: string;
  seq?: number;
  duplicate?: boolean;
  error?: { err_code?: number; description: string };
}

/** Where a letter stands, and whether it did before. */
interface Standing {
  stream: string;
  seq: number;
  duplicate: boolean;
}

/**
 * Stores the letter; returns its sequence, or undefined where it stands already. Rejects when it was not stored. In a stream that
 * was made anew sequences begin again: where the letter of an earlier message has the id, this one gets another.
 */
export async function storeDeadLetter(
  nc: NatsConnection,
  prefix: string,
  letter: DeadLetter,
): Promise<number | undefined> {
  const [id, otherId] = deadLetterIds(letter);
  let at = await publishLetter(nc, prefix, letter, id);
  if (at.duplicate) {
    const standing = await readStored(nc, at.stream, { seq: at.seq });
    if (standing && isLetterOf(standing, letter)) return undefined;
    at = await publishLetter(nc, prefix, letter, otherId);
  }
  return at.duplicate ? undefined : at.seq;
}

/**
 * Publishes to `<prefix>.<reason>` and waits for the stream's ack. What the server cannot take is left out, and the letter says
 * so: a letter that could never be stored would hold its message for ever.
 */
async function publishLetter(
  nc: NatsConnection,
  prefix: string,
  letter: DeadLetter,
  id: string,
): Promise<Standing> {
  const limit = nc.info?.max_payload ?? Infinity;
  let { headers: own, data } = letter;
  const headersOmitted = sizeOf(own);
  let headers = deadLetterHeaders(letter, own, id);
  for (;;) {
    if (own && sizeOf(headers) > Math.min(MAX_HEADERS, limit)) own = undefined;
    else if (data.length > 0 && sizeOf(headers) + data.length > limit) data = EMPTY;
    else {
      const reply = await nc.request(`${prefix}.${letter.reason}`, data, { headers, timeout: 5_000 });
      const { stream = '', seq, duplicate = false, error } = reply.json<PubAck>();
      if (!error && seq !== undefined) return { stream, seq, duplicate };
      if (!TOO_LARGE.has(error?.err_code ?? 0) || (data.length === 0 && !own))
        throw new Error(error?.description ?? 'nobody stored it');
      if (data.length > 0) data = EMPTY;
      else own = undefined;
    }
    headers = deadLetterHeaders(letter, own, id);
    if (own !== letter.headers) headers.set('AA-Dlq-Headers-Omitted', String(headersOmitted));
    if (data !== letter.data) headers.set('AA-Dlq-Body-Omitted', String(letter.data.length));
  }
}

const EMPTY = new Uint8Array();

/** Bytes on the wire. */
function sizeOf(headers: MsgHdrs | undefined): number {
  if (!headers) return 0;
  let size = 'NATS/1.0\r\n\r\n'.length;
  for (const [name, values] of headers)
    for (const value of values) size += Buffer.byteLength(name) + Buffer.byteLength(value) + ': \r\n'.length;
  return size;
}

/**
 * The message's own headers and ours (docs/runtime.md). `Nats-*` headers of the message are instructions to the stream that
 * it was published to (rollup, expected sequence, TTL); repeated here they would be obeyed by the dead letters' stream.
 */
function deadLetterHeaders(letter: DeadLetter, own: MsgHdrs | undefined, id: string): MsgHdrs {
  const headers = newHeaders();
  for (const [name, values] of own ?? []) {
    if (/^nats-/i.test(name)) continue;
    for (const value of values) headers.append(name, value);
  }
  const messageId = letter.headers?.get('Nats-Msg-Id');
  if (messageId && (own || messageId.length <= MAX_ERROR)) headers.set('AA-Dlq-Msg-Id', messageId);
  headers.set('AA-Dlq-Reason', letter.reason);
  headers.set('AA-Dlq-Stream', letter.stream);
  headers.set('AA-Dlq-Seq', String(letter.seq));
  headers.set('AA-Dlq-Subject', letter.subject);
  headers.set('AA-Dlq-Durable', letter.durable);
  headers.set('AA-Dlq-Deliveries', String(letter.deliveries));
  if (letter.reason !== 'expired') headers.set('AA-Dlq-Stored', new Date(letter.atMs).toISOString());
  headers.set('AA-Dlq-Error', oneLine(letter.error));
  headers.set('AA-Dlq-Time', new Date().toISOString());
  headers.set('Nats-Msg-Id', id);
  return headers;
}

/**
 * The id of a message's letter, and the one that it gets where an earlier message of that place has the first. The first is the
 * same for every copy of one message: made of the durable and the message's origin, which is the first
 * `Nats-Stream-Source` (`<stream> <seq> …`) where it was copied from another stream, and its own place where it was not.
 */
export function deadLetterIds(letter: DeadLetter): [id: string, otherId: string] {
  const source = letter.headers?.values('Nats-Stream-Source')[0]?.split(' ');
  const [stream, seq] = source && source.length >= 2 ? source : [letter.stream, String(letter.seq)];
  const id = `dlq:${letter.durable}:${stream}:${seq}`;
  return [id, `${id}:${letter.atMs}`];
}

const oneLine = (text: string): string => text.replace(/[^\x20-\x7e]+/g, ' ').slice(0, MAX_ERROR);
