import { copiedFrom, type JetStreamWriter, readRange, type StreamMessage } from '../jetstream/index.ts';
import { Fingerprint } from './compare/fingerprint.ts';
import type { ProofOptions, ProofRange } from './proveCopy.ts';
import type { Copy } from './types.ts';

/** What a copy's originals were when they were read, before it began: the copies are compared with that, and nothing is read twice. JSON-safe. */
export interface Originals {
  startSeq: number;
  /** The last one's sequence; `startSeq - 1` without any. */
  through: number;
  messages: number;
  /** Their `Fingerprint`. */
  digest: string;
}

/** Takes down a copy's originals while they are read, in order. */
export class OriginalsReader {
  /** The sequence that was read last. */
  through: number;
  readonly #startSeq: number;
  readonly #fingerprint = new Fingerprint();

  constructor({ startSeq }: Pick<Copy, 'startSeq'>) {
    this.#startSeq = startSeq;
    this.through = startSeq - 1;
  }

  add(message: StreamMessage): void {
    this.through = message.seq;
    this.#fingerprint.add(message.seq, message);
  }

  end(): Originals {
    const { messages } = this.#fingerprint;
    return { startSeq: this.#startSeq, through: this.through, messages, digest: this.#fingerprint.end() };
  }
}

/**
 * Whether the target's copies of these originals are all there, once each, in order and alike: then the target's sequence behind them, where the
 * rest is to be compared from. Undefined where they are not, or may not be: only a comparison with the origin tells why. Reads the target alone.
 */
export async function matchOriginals(
  account: JetStreamWriter,
  { origin, target, filters, startSeq }: Copy,
  { originSeqs, targetSeqs }: ProofRange,
  originals: Originals,
  { signal }: Pick<ProofOptions, 'signal'>,
): Promise<number | undefined> {
  const { through, messages, digest } = originals;
  const isKnown = originals.startSeq === startSeq && originSeqs[0] === startSeq && through <= originSeqs[1];
  if (!isKnown || messages === 0) return undefined;
  const fingerprint = new Fingerprint();
  const range = { fromSeq: targetSeqs[0], toSeq: targetSeqs[1], filters, ...(signal ? { signal } : {}) };
  for await (const batch of readRange(account, target, range)) {
    for (const copy of batch) {
      const source = copiedFrom(copy.headers);
      if (source?.stream !== origin || source.seq < startSeq) continue;
      fingerprint.add(source.seq, copy);
      if (fingerprint.messages === messages) return fingerprint.end() === digest ? copy.seq + 1 : undefined;
    }
  }
  return undefined;
}
