import type { JetStreamReader } from '../jetstream/index.ts';
import { covers, coversAll } from '../subjects/sets.ts';
import { firstOn, lastOn, originOf } from './reads.ts';
import type { CopiedBlock, Ownership, PairMemory } from './types.ts';

/** Messages looked at for each block: each is a request. */
const LOOK_AT = 100;

/** What a stream has taken behind the end of a handover that took the subjects from it: no durable of the new owner gets it. */
export interface Strays {
  stream: string;
  /** The stream that the subjects were handed to. */
  handedTo: string;
  /** Ascending; the first of them, where `isCut`. */
  sequences: number[];
  isCut: boolean;
}

/**
 * Looks behind the last handover of every subject that its stream does not own any more. What the stream copies from elsewhere is none of it: that
 * comes whoever owns the subjects. Where there is nothing, it costs one request a filter.
 */
export async function findStrays(
  account: JetStreamReader,
  { blocks }: PairMemory,
  owned: Ownership,
): Promise<Strays[]> {
  const found = await Promise.all(
    blocks.map(async (block, index) => {
      const own = owned[block.origin];
      if (!own) return undefined; // it stands no more
      const later = blocks.slice(index + 1).filter(({ origin }) => origin === block.origin);
      return straysOf(account, block, [...own, ...later.flatMap(({ filters }) => filters)]);
    }),
  );
  return found.filter((strays) => strays !== undefined);
}

/** `elsewhere`: subjects of the block that it tells nothing of, since the stream has them again, or handed them over later. */
async function straysOf(
  account: JetStreamReader,
  { origin, target, filters, originSeqs }: CopiedBlock,
  elsewhere: string[],
): Promise<Strays | undefined> {
  const asked = filters.filter((filter) => !coversAll(elsewhere, [filter]));
  const last = await lastOn(account, origin, asked);
  const sequences: number[] = [];
  let seq = originSeqs[1];
  for (let looked = 0; last && seq < last.seq && looked < LOOK_AT; looked += 1) {
    const message = await firstOn(account, origin, seq + 1, asked);
    if (!message) break;
    seq = message.seq;
    if (!covers(elsewhere, message.subject) && !originOf(message)) sequences.push(seq);
  }
  const isCut = last !== undefined && seq < last.seq;
  return sequences.length === 0 ? undefined : { stream: origin, handedTo: target, sequences, isCut };
}
