import type { Msg, MsgHdrs } from 'nats';
import { readHeaders } from './readHeaders.ts';

const TRACEPARENT = /\r\ntraceparent:[ \t]*([^\r\n]+)/i;

/** What the reply subject of a delivery is cut into: the positions of its dots, one array for all messages, since this runs 100,000 times a second. */
const dots = new Int32Array(16);
/** Messages come from one subject at a time: its name is kept once. */
let lastSubject = '';

/** The stream that messages came from, as it was then: an ack names a place in a stream, and in one that was made anew another message stands there. */
export interface Tie {
  readonly stream: string;
  /** When the stream was made. */
  readonly created: string;
  /** `asked`: whether it is still the same is not known at the moment, what is to be said waits. `gone`: it is not, nothing is said. */
  state: 'sure' | 'asked' | 'gone';
}

/** The part of the client's message that its types do not show (nats 2.29.3, lib/nats-base-client/msg.js): how many bytes of headers stand before the payload, -1 for none. */
interface MsgInside {
  _msg?: { hdr: number };
}

/**
 * A message as JetStream delivered it, with what its reply subject tells about the delivery. Thousands are held at a time, and whatever one of them
 * keeps is carried along by the collector: so a place in the socket's buffer instead of a view of it, nothing of the client's own message object, and
 * what is rarely asked for is read from the reply subject when it is.
 */
export class Incoming {
  readonly subject: string;
  /** Where acks go. */
  readonly reply: string;
  readonly tie: Tie;
  /** 1 for the first delivery. */
  readonly deliveries: number;
  /** When we got it, on the process's own clock (performance.now), whole ms. */
  readonly receivedAt: number;
  private readonly buffer: ArrayBufferLike;
  private readonly start: number;
  private readonly length: number;
  /** Bytes of headers right before the payload; what they say is read when somebody asks. */
  private readonly headerLength: number;

  constructor(msg: Msg, reply: string, tie: Tie, deliveries: number) {
    if (msg.subject !== lastSubject) lastSubject = msg.subject;
    const { data } = msg;
    this.subject = lastSubject;
    this.reply = reply;
    this.tie = tie;
    this.deliveries = deliveries;
    this.receivedAt = Math.trunc(performance.now()); // whole numbers need no object of their own
    this.buffer = data.buffer;
    this.start = data.byteOffset;
    this.length = data.length;
    this.headerLength = Math.max(0, (msg as unknown as MsgInside)._msg?.hdr ?? 0);
  }

  /** Those that can be read; they are read anew each time. */
  get headers(): MsgHdrs | undefined {
    if (this.headerLength === 0) return undefined;
    return readHeaders(new Uint8Array(this.buffer, this.start - this.headerLength, this.headerLength));
  }

  /** W3C's, however its name is written; without the cost of reading all headers. */
  get traceparent(): string | undefined {
    if (this.headerLength === 0) return undefined;
    const block = Buffer.from(this.buffer as ArrayBuffer, this.start - this.headerLength, this.headerLength);
    return TRACEPARENT.exec(block.toString('latin1'))?.[1];
  }

  /** The payload; a view that is made anew each time. */
  get data(): Uint8Array {
    return new Uint8Array(this.buffer, this.start, this.length);
  }

  get stream(): string {
    return this.tie.stream;
  }

  /** Bytes of payload and headers. */
  get size(): number {
    return this.length + this.headerLength;
  }

  /** Position in the stream. */
  get seq(): number {
    return this.number(1);
  }

  /** Position in the order of the consumer's deliveries. */
  get deliverySeq(): number {
    return this.number(2);
  }

  /** When the stream stored it, ms since 1970. */
  get storedMs(): number {
    return this.number(3);
  }

  private number(behindDeliveries: 1 | 2 | 3): number {
    const token = findDots(this.reply) + 1 + behindDeliveries;
    // The time is in ns: ms are what stands before its last six digits.
    return digits(this.reply, dots[token]! + 1, dots[token + 1]! - (behindDeliveries === 3 ? 6 : 0));
  }
}

/**
 * Reads `$JS.ACK.<stream>.<consumer>.<deliveries>.<stream seq>.<delivery seq>.<time, ns>.<pending>`, or the longer form
 * with domain and account hash behind `ACK` (ADR-15). Undefined: not a JetStream message.
 */
export function readIncoming(msg: Msg, tie: Tie): Incoming | undefined {
  const reply = msg.reply ?? '';
  if (!reply.startsWith('$JS.ACK.')) return undefined;
  const token = findDots(reply);
  if (token < 0) return undefined;
  return new Incoming(msg, reply, tie, digits(reply, dots[token + 1]! + 1, dots[token + 2]!));
}

/** Fills `dots`; says which token is the stream's name, -1 where there are too few. */
function findDots(reply: string): number {
  let count = 0;
  for (let at = reply.indexOf('.'); at >= 0 && count < dots.length; at = reply.indexOf('.', at + 1))
    dots[count++] = at;
  return count < 8 ? -1 : count >= 10 ? 4 : 2;
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
