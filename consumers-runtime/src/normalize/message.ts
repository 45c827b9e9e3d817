import type { Msg } from 'nats';

/** A message as JetStream delivered it, with what its reply subject tells about the delivery. */
export interface Incoming {
  readonly msg: Msg;
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

/**
 * Reads `$JS.ACK.<stream>.<consumer>.<deliveries>.<stream seq>.<delivery seq>.<time, ns>.<pending>`, or the longer form
 * with domain and account hash behind `ACK` (ADR-15). Undefined: not a JetStream message.
 */
export function readIncoming(msg: Msg): Incoming | undefined {
  const tokens = (msg.reply ?? '').split('.');
  if (tokens[0] !== '$JS' || tokens[1] !== 'ACK' || tokens.length < 9) return undefined;
  const at = tokens.length >= 11 ? 4 : 2;
  return {
    msg,
    stream: tokens[at]!,
    deliveries: Number(tokens[at + 2]),
    seq: Number(tokens[at + 3]),
    deliverySeq: Number(tokens[at + 4]),
    storedMs: Number(tokens[at + 5]!.slice(0, -6)),
    receivedAt: performance.now(),
  };
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
