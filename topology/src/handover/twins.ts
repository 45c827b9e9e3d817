import type { JetStreamReader, StoredMessage } from '../jetstream/index.ts';
import { blocksHolding } from './memory.ts';
import { firstOn, messageIdOf } from './reads.ts';
import { sourceSeqIn } from './renumber.ts';
import type { CopiedBlock, PairMemory } from './types.ts';

/** Where a message of the losing stream has its twin on the gaining one. */
export type Twin =
  | { kind: 'copy'; seq: number; time: string } // copied from losing to gaining
  | { kind: 'original'; seq: number; time: string } // the losing one's message is itself a copy of the gaining one's
  | { kind: 'gone' } // there was one, as the memory knows, and it no longer stands
  | { kind: 'none' }; // nothing is known of one

type Pair = { losing: string; gaining: string };

/**
 * A message and its copy know each other through `Nats-Stream-Source`, on either side. Copies lie in blocks that hold
 * nothing else on their subjects, in the origin's order: a binary search of some twenty single gets finds one among a
 * million. A header alone proves nothing (its publisher may have written it, its stream may have been made anew, its original
 * may be gone): it counts within a remembered block, and where the original stands and is the same message.
 */
export async function findTwin(
  account: JetStreamReader,
  pair: Pair,
  message: StoredMessage,
  memory: PairMemory,
): Promise<Twin> {
  const original = await standingOriginal(account, pair, message, memory);
  if (original.time !== undefined) return { kind: 'original', seq: original.seq, time: original.time };
  const blocks = blocksHolding(memory, { origin: pair.losing, target: pair.gaining }, message.seq);
  for (const block of blocks.toReversed()) {
    const found = await copyIn(account, block, message.seq);
    if (found) return { kind: 'copy', seq: found.seq, time: found.time };
  }
  return original.seq !== undefined || blocks.length > 0 ? { kind: 'gone' } : { kind: 'none' };
}

/**
 * The gaining stream's sequence that a message was copied from, where a block vouches for it. A fraction where the stream was made
 * anew without it: its place lies between two.
 */
export function originalOf(
  memory: PairMemory,
  { losing, gaining }: Pair,
  message: StoredMessage,
): number | undefined {
  for (const block of memory.blocks) {
    const [first, last] = block.targetSeqs;
    if (block.origin !== gaining || block.target !== losing) continue;
    if (message.seq < first || last < message.seq) continue;
    const seq = sourceSeqIn(block, message);
    if (seq !== undefined && block.originSeqs[0] - 1 < seq && seq < block.originSeqs[1] + 1) return seq;
  }
  return undefined;
}

/** What a message was copied from (`originalOf`), and since when it stands, if it still does. */
export async function standingOriginal(
  account: JetStreamReader,
  pair: Pair,
  message: StoredMessage,
  memory: PairMemory,
): Promise<{ seq: number; time?: string } | { seq: undefined; time?: undefined }> {
  const seq = originalOf(memory, pair, message);
  if (seq === undefined) return { seq };
  const original = Number.isInteger(seq) ? await account.message(pair.gaining, { seq }) : undefined;
  return original && isSame(original, message) ? { seq, time: original.time } : { seq };
}

/** Subject, id and payload; a source changes none of them. */
export const isSame = (a: StoredMessage, b: StoredMessage): boolean =>
  a.subject === b.subject && messageIdOf(a) === messageIdOf(b) && Buffer.compare(a.data, b.data) === 0;

/** The copy of exactly this origin sequence within a block. */
export const findCopy = async (
  account: JetStreamReader,
  block: CopiedBlock,
  originSeq: number,
): Promise<number | undefined> => (await copyIn(account, block, originSeq))?.seq;

async function copyIn(
  account: JetStreamReader,
  block: CopiedBlock,
  originSeq: number,
): Promise<StoredMessage | undefined> {
  let [low, high] = block.targetSeqs;
  while (low <= high) {
    const middle = Math.floor((low + high) / 2);
    const found = await firstOn(account, block.target, middle, block.filters);
    const source = found && sourceSeqIn(block, found);
    if (!found || found.seq > high || source === undefined) {
      high = middle - 1;
      continue;
    }
    if (source === originSeq) return found;
    if (source < originSeq) low = found.seq + 1;
    else high = middle - 1;
  }
  return undefined;
}

/**
 * Whether everything up to a sequence has gone from a stream that is full by nature and drops its oldest: had it owned the subjects all the
 * time it would have dropped the same, and copied again that would only push out what is younger.
 */
export async function droppedByItself(
  account: JetStreamReader,
  stream: string,
  upTo: number,
): Promise<boolean> {
  const info = await account.stream(stream);
  if (!info) return false;
  const { max_msgs = -1, max_bytes = -1, discard = 'old' } = info.config;
  return discard === 'old' && (max_msgs > 0 || max_bytes > 0) && upTo < info.state.first_seq;
}
