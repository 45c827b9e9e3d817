import type { JetStreamReader } from '../jetstream/index.ts';
import { blocksHolding } from './memory.ts';
import { walk } from './reads.ts';
import { sourceSeqIn } from './renumber.ts';
import { standingOriginal } from './twins.ts';
import type { CopiedBlock, PairMemory } from './types.ts';

/** What the gaining stream has of a range of the losing one. */
export interface StandingTwins {
  /** How many of the range's messages have a twin that stands. */
  standing: number;
  /** How many have none that is known of, because no block holds them: whether one stands cannot be told. */
  unknown: number;
  /** The first message without a twin. */
  firstWithout: number | undefined;
  /** The gaining stream's highest sequence that is missing; Infinity where one is missing whose place is not known. */
  missingUpTo: number;
}

/**
 * Looks for the twin of each message in a range of the losing stream: the first one's twin says nothing of those behind it, since an expiry
 * or a purge takes any of them. As much is read of the gaining stream as of the losing one.
 */
export async function standingTwins(
  account: JetStreamReader,
  pair: { losing: string; gaining: string },
  range: { fromSeq: number; toSeq: number; filters: readonly string[] },
  memory: PairMemory,
): Promise<StandingTwins> {
  const copied = await copiedSeqs(account, pair, range, memory);
  const result: StandingTwins = { standing: 0, unknown: 0, firstWithout: undefined, missingUpTo: 0 };
  for await (const batch of walk(account, pair.losing, range)) {
    const originals = await Promise.all(batch.map((one) => standingOriginal(account, pair, one, memory)));
    for (const [n, message] of batch.entries()) {
      const { seq, time } = originals[n]!;
      const isCopied = copied.has(message.seq);
      if (time !== undefined || isCopied) {
        result.standing += 1;
        continue;
      }
      result.firstWithout ??= message.seq;
      result.missingUpTo = Math.max(result.missingUpTo, seq ?? Infinity);
      const hasBlock = blocksHolding(
        memory,
        { origin: pair.losing, target: pair.gaining },
        message.seq,
      ).length;
      if (seq === undefined && hasBlock === 0) result.unknown += 1;
    }
  }
  return result;
}

/** Sequences of the losing stream's range whose copies the gaining one holds. */
async function copiedSeqs(
  account: JetStreamReader,
  { losing, gaining }: { losing: string; gaining: string },
  range: { fromSeq: number; toSeq: number },
  memory: PairMemory,
): Promise<Set<number>> {
  const seqs = new Set<number>();
  const overlaps = ({ origin, target, originSeqs: [first, last] }: CopiedBlock): boolean =>
    origin === losing && target === gaining && first <= range.toSeq && last >= range.fromSeq;
  for (const block of memory.blocks.filter(overlaps)) {
    const [fromSeq, toSeq] = block.targetSeqs;
    for await (const batch of walk(account, gaining, { fromSeq, toSeq, filters: block.filters }))
      for (const message of batch) {
        const seq = sourceSeqIn(block, message);
        if (seq !== undefined) seqs.add(seq);
      }
  }
  return seqs;
}
