import type { JetStreamReader } from '../jetstream/index.ts';
import { blocksHolding } from './memory.ts';
import { firstOn, originOf } from './reads.ts';
import type { CopiedBlock, PairMemory } from './types.ts';

/** Where a message of the losing stream has its twin on the gaining one. */
export type Twin =
  | { kind: 'copy'; seq: number } // copied from losing to gaining
  | { kind: 'original'; seq: number } // the losing one's message is itself a copy of the gaining one's
  | { kind: 'none' };

/**
 * A message and its copy know each other through `Nats-Stream-Source`, on either side. Copies lie in blocks that hold
 * nothing else on their subjects, in the origin's order: a binary search of some twenty single gets finds one among a
 * million.
 */
export async function findTwin(
  account: JetStreamReader,
  pair: { losing: string; gaining: string },
  message: { seq: number; headers: Uint8Array; subject: string; time: string; data: Uint8Array },
  memory: PairMemory,
): Promise<Twin> {
  const source = originOf(message);
  if (source?.stream === pair.gaining) return { kind: 'original', seq: source.seq };
  const blocks = blocksHolding(memory, { origin: pair.losing, target: pair.gaining }, message.seq);
  for (const block of blocks.toReversed()) {
    const found = await findCopy(account, block, message.seq);
    if (found !== undefined) return { kind: 'copy', seq: found };
  }
  return { kind: 'none' };
}

/** The copy of exactly this origin sequence within a block. */
export async function findCopy(
  account: JetStreamReader,
  block: CopiedBlock,
  originSeq: number,
): Promise<number | undefined> {
  let [low, high] = block.targetSeqs;
  while (low <= high) {
    const middle = Math.floor((low + high) / 2);
    const found = await firstOn(account, block.target, middle, block.filters);
    const source = found && originOf(found);
    if (!found || found.seq > high || source?.stream !== block.origin) {
      high = middle - 1;
      continue;
    }
    if (source.seq === originSeq) return found.seq;
    if (source.seq < originSeq) low = found.seq + 1;
    else high = middle - 1;
  }
  return undefined;
}
