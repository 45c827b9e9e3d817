import type { Msg, MsgHdrs } from 'nats';

/**
 * A message as JetStream delivered it, with what its reply subject tells about the delivery. The client's own message
 * object is not kept: thousands are held at a time, and its views of the socket's buffer would double what the collector
 * has to carry along.
 */
export interface Incoming {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly headers: MsgHdrs | undefined;
  /** Where acks go. */
  readonly reply: string;
  readonly stream: string;
  /** Position in the stream. */
  readonly seq: number;
  /** Position in the order of the consumer's deliveries. */
  readonly deliverySeq: number;
  /** 1 for the first delivery. */
  readonly deliveries: number;
  /** When the stream stored it, ms since 1970. */
  readonly storedMs: number;
  /** When we got it, on the process's own clock (performance.now). */
  readonly receivedAt: number;
}

/** Where the dots of the reply subject are; one array for all messages, since this runs 100,000 times a second. */
const dots = new Int32Array(16);
/** Messages come from one stream and subject at a time: their names are kept once. */
let lastStream = '';
let lastSubject = '';

/**
 * Reads `$JS.ACK.<stream>.<consumer>.<deliveries>.<stream seq>.<delivery seq>.<time, ns>.<pending>`, or the longer form
 * with domain and account hash behind `ACK` (ADR-15). Undefined: not a JetStream message.
 */
export function readIncoming(msg: Msg): Incoming | undefined {
  const reply = msg.reply ?? '';
  if (!reply.startsWith('$JS.ACK.')) return undefined;
  let count = 0;
  for (let at = reply.indexOf('.'); at >= 0 && count < dots.length; at = reply.indexOf('.', at + 1))
    dots[count++] = at;
  if (count < 8) return undefined;
  const token = count >= 10 ? 4 : 2;
  const start = dots[token - 1]! + 1;
  const length = dots[token]! - start;
  if (lastStream.length !== length || !reply.startsWith(lastStream, start))
    lastStream = reply.slice(start, start + length);
  if (msg.subject !== lastSubject) lastSubject = msg.subject;
  return {
    subject: lastSubject,
    data: msg.data,
    headers: msg.headers,
    reply,
    stream: lastStream,
    deliveries: digits(reply, dots[token + 1]! + 1, dots[token + 2]!),
    seq: digits(reply, dots[token + 2]! + 1, dots[token + 3]!),
    deliverySeq: digits(reply, dots[token + 3]! + 1, dots[token + 4]!),
    storedMs: digits(reply, dots[token + 4]! + 1, dots[token + 5]! - 6), // ns without its last six digits
    receivedAt: Math.trunc(performance.now()), // whole numbers need no object of their own
  };
}

function digits(text: string, from: number, to: number): number {
  let value = 0;
  for (let i = from; i < to; i++) value = value * 10 + text.charCodeAt(i) - 48;
  return value;
}

/** What a handler says about one message; the loop settles it. */
export type Outcome =
  | { readonly kind: 'success' }
  | {
      readonly kind: 'retry';
      readonly delayMs: number;
      readonly error: string;
      /** The write may have happened, or failed because of others: on its last delivery the message is tried alone, not given up. */
      readonly unsure?: true;
    }
  | { readonly kind: 'deadLetter'; readonly reason: DeadLetterReason; readonly error: string };

/** The last token of a dead letter's subject. */
export type DeadLetterReason = 'schema_invalid' | 'non_retryable' | 'max_deliver' | 'expired';

export const SUCCESS: Outcome = { kind: 'success' };
