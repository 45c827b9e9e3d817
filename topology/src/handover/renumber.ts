import type { JetStreamReader, StoredMessage } from '../jetstream/index.ts';
import { standInOf } from './names.ts';
import { firstOn, originOf } from './reads.ts';
import type { CopiedBlock, Copy, PairMemory, Renumbering } from './types.ts';

/** More runs are not remembered: the state is one value of at most 1 MiB. */
const MOST_RUNS = 1_000;

/**
 * The origin's sequence that a copy within a block was made of, in the origin's numbers of now; a fraction, between two of them, where the
 * origin was made anew without that message. Undefined: the message is no copy of the block's origin.
 */
export function sourceSeqIn(block: CopiedBlock, message: StoredMessage): number | undefined {
  const source = originOf(message);
  if (source?.stream !== block.origin) return undefined;
  return (block.renumbered ?? []).reduce(numberedBy, source.seq);
}

function numberedBy(seq: number, runs: Renumbering): number {
  const run = runs.findLast(([oldFirst]) => oldFirst <= seq);
  if (!run) return (runs[0]?.[1] ?? 1) - 0.5;
  const [oldFirst, newFirst, count] = run;
  return newFirst + Math.min(seq - oldFirst, count - 0.5);
}

/**
 * How a stream that was made anew through a stand-in counts what it held before, while the stand-in still stands: each copy names the stand-in's
 * message, and that one the old stream's. A binary search for each run; undefined where there are too many of them.
 */
export async function renumberingOf(
  account: JetStreamReader,
  back: Copy,
  through: { targetSeq: number } | undefined,
): Promise<Renumbering | undefined> {
  const runs: Renumbering = [];
  let place = await placeBehind(account, back, back.targetFromSeq, through);
  while (place) {
    if (runs.length === MOST_RUNS) return undefined;
    const first = place;
    let [low, high] = [first.now, through!.targetSeq];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      const there = await placeBehind(account, back, middle, through);
      if (there && there.before - there.now === first.before - first.now) low = there.now;
      else high = middle - 1;
    }
    runs.push([first.before, first.now, low - first.now + 1]);
    place = await placeBehind(account, back, low + 1, through);
  }
  return runs;
}

/** The first message at or behind a sequence of the new stream that the old one held: its number on both. */
async function placeBehind(
  account: JetStreamReader,
  { origin: standIn, target, filters }: Copy,
  seq: number,
  through: { targetSeq: number } | undefined,
): Promise<{ now: number; before: number } | undefined> {
  const message = await firstOn(account, target, seq, filters);
  if (!message || message.seq > (through?.targetSeq ?? 0)) return undefined;
  const kept = originOf(message);
  if (kept?.stream !== standIn) return undefined;
  const original = await account.message(standIn, { seq: kept.seq });
  const source = original && originOf(original);
  // What the stand-in took itself comes behind all that it copied.
  return source?.stream === target ? { now: message.seq, before: source.seq } : undefined;
}

/**
 * What is remembered of pairs with a stream that was made anew, in its new numbers: where later copies out of it begin (`starts`), and the blocks of which
 * it was the origin, by its `renumbering`. Blocks of copies that it holds itself are forgotten, because its messages no longer name their
 * origins; without a renumbering the others are as well.
 */
export function renumber(
  memory: PairMemory,
  stream: string,
  starts: readonly { target: string; filters: string[]; seq: number }[],
  renumbering: Renumbering | undefined,
): PairMemory {
  const gone = standInOf(stream);
  const others = <T extends { origin: string; target: string }>(pairs: readonly T[]): T[] =>
    pairs.filter(({ origin, target }) => origin !== gone && target !== gone);
  return {
    ...memory,
    nextStarts: [
      ...others(memory.nextStarts).filter((entry) => entry.origin !== stream),
      ...starts.map((start) => ({ origin: stream, ...start })),
    ],
    blocks: others(memory.blocks).flatMap((block) => {
      if (block.target === stream) return [];
      if (block.origin !== stream) return [block];
      return renumbering ? [renumberedBlock(block, renumbering)] : [];
    }),
  };
}

function renumberedBlock(block: CopiedBlock, renumbering: Renumbering): CopiedBlock {
  const [first, last] = block.originSeqs;
  const runs = renumbering.filter(([oldFirst, , count]) => oldFirst <= last && first <= oldFirst + count - 1);
  // Where none of them is left the first sequence is behind the last.
  const originSeqs: CopiedBlock['originSeqs'] = [
    Math.ceil(numberedBy(first, runs)),
    Math.floor(numberedBy(last, runs)),
  ];
  return { ...block, originSeqs, renumbered: [...(block.renumbered ?? []), runs] };
}
