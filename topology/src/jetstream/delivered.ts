import type { Msg } from './clientTypes.ts';
import { bytesOf, MessageHeaders } from './headers.ts';

/** A message as a consumer delivers it. */
export interface StreamMessage {
  subject: string;
  seq: number;
  /** ms since the epoch, as the stream stamped it. */
  timeMs: number;
  headers: MessageHeaders;
  data: Uint8Array;
}

/** A message as it was delivered. Headers and payload are looked at when somebody asks: what a bulk reading costs is in docs/performance.md. */
export class Delivered implements StreamMessage {
  readonly subject: string;
  readonly seq: number;
  /** Its number among what its consumer delivered, from 1 on. */
  readonly consumerSeq: number;
  readonly timeMs: number;
  private readonly bytes: Uint8Array;
  private readonly payloadAt: number;
  private readHeaders: MessageHeaders | undefined;

  constructor(message: Msg) {
    const { bytes, payloadAt } = bytesOf(message);
    const reply = message.reply!;
    const stream = streamToken(reply);
    this.subject = message.subject;
    this.seq = numberIn(reply, stream + 3);
    this.consumerSeq = numberIn(reply, stream + 4);
    this.timeMs = numberIn(reply, stream + 5, NS_DIGITS_OF_A_MS);
    this.bytes = bytes;
    this.payloadAt = payloadAt;
  }

  get headers(): MessageHeaders {
    return (this.readHeaders ??= new MessageHeaders(this.bytes, this.payloadAt));
  }

  /** A view that is made anew each time. */
  get data(): Uint8Array {
    return this.payloadAt === 0 ? this.bytes : this.bytes.subarray(this.payloadAt);
  }
}

/** The stream's sequence of what was delivered with this reply subject. */
export const sequenceIn = (reply: string): number => numberIn(reply, streamToken(reply) + 3);

/** The time is in ns: ms are what stands before its last six digits. */
const NS_DIGITS_OF_A_MS = 6;
/** The positions of a reply subject's dots; one array for all of them, since 100,000 and more are read in a second. */
const dots = new Int32Array(16);

/**
 * Fills `dots`, and says which token is the stream's name: `$JS.ACK.<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<ns>.<pending>`; servers
 * with domains put `<domain>.<account hash>` behind `ACK` (ADR-15).
 */
function streamToken(reply: string): number {
  let count = 0;
  for (let at = reply.indexOf('.'); at >= 0 && count < dots.length; at = reply.indexOf('.', at + 1))
    dots[count++] = at;
  return count >= 10 ? 4 : 2;
}

/** A token of the reply subject that `dots` are of, without its last digits. */
function numberIn(reply: string, token: number, without = 0): number {
  let value = 0;
  for (let at = dots[token - 1]! + 1; at < dots[token]! - without; at++)
    value = value * 10 + reply.charCodeAt(at) - 48;
  return value;
}
