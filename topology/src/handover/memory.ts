import { isSubset } from '../subjects/algebra.ts';
import { coversAll, intersectSets } from '../subjects/sets.ts';
import type { Copy, CopiedBlock, CopyRole, PairMemory } from './types.ts';

const samePair = (a: { origin: string; target: string }, b: { origin: string; target: string }): boolean =>
  a.origin === b.origin && a.target === b.target;

/** Where the next copy of one filter has to begin, if the pair has a past; the latest word counts. */
export const nextStartOf = (memory: PairMemory, pair: CopyRole, filter: string): number | undefined =>
  memory.nextStarts.findLast(
    (entry) => samePair(entry, pair) && entry.filters.some((f) => isSubset(filter, f)),
  )?.seq;

/** Splits a copy by the places where its filters go on from: one source has one start. `undefined`: no past. */
export function splitByStart(
  memory: PairMemory,
  copy: CopyRole,
): { copy: CopyRole; from: number | undefined }[] {
  const byStart = new Map<number | undefined, string[]>();
  for (const filter of copy.filters) {
    const from = nextStartOf(memory, copy, filter);
    byStart.set(from, [...(byStart.get(from) ?? []), filter]);
  }
  return [...byStart].map(([from, filters]) => ({ copy: { ...copy, filters }, from }));
}

/** Blocks of a pair that may hold the copy of an origin's message on a subject. */
export const blocksHolding = (
  memory: PairMemory,
  pair: { origin: string; target: string },
  originSeq: number,
): CopiedBlock[] =>
  memory.blocks.filter(
    (block) => samePair(block, pair) && block.originSeqs[0] <= originSeq && originSeq <= block.originSeqs[1],
  );

/** A copy has ended, in a handover or given up: what it brought over, and where a later one goes on. */
export function rememberCopied(
  memory: PairMemory,
  copy: Copy,
  through: { originSeq: number; targetSeq: number },
): PairMemory {
  const nothing = through.originSeq < copy.startSeq;
  const block: CopiedBlock = {
    origin: copy.origin,
    target: copy.target,
    filters: copy.filters,
    originSeqs: [copy.startSeq, through.originSeq],
    targetSeqs: [copy.targetFromSeq, through.targetSeq],
  };
  return {
    ...memory,
    nextStarts: replaceStart(memory, copy, nothing ? copy.startSeq : through.originSeq + 1),
    blocks: nothing ? memory.blocks : [...memory.blocks, block],
  };
}

/** The target has taken the subjects: the way back begins at the first message that it took itself. */
export const rememberTaken = (memory: PairMemory, copy: CopyRole, firstDirectSeq: number): PairMemory => ({
  ...memory,
  nextStarts: replaceStart(
    memory,
    { origin: copy.target, target: copy.origin, filters: copy.filters },
    firstDirectSeq,
  ),
});

/** A word about the same pair and no more subjects makes the older one void; a wider old one stays for what it says beyond. */
const replaceStart = (
  memory: PairMemory,
  { origin, target, filters }: CopyRole,
  seq: number,
): PairMemory['nextStarts'] => [
  ...memory.nextStarts.filter(
    (entry) => !(samePair(entry, { origin, target }) && coversAll(filters, entry.filters)),
  ),
  { origin, target, filters, seq },
];

/** The blocks that are the last word about all of their subjects: no later one of their pair has any of them. */
export const lastBlocks = ({ blocks }: PairMemory): CopiedBlock[] =>
  blocks.filter(
    (block, index) =>
      !blocks
        .slice(index + 1)
        .some((later) => samePair(later, block) && intersectSets(later.filters, block.filters).length > 0),
  );

/** A copy that was given up brought a little more, after its source was taken away and before the server noticed. */
export function extendBlock(
  memory: PairMemory,
  block: CopiedBlock,
  through: { originSeq: number; targetSeq: number },
): PairMemory {
  const extended: CopiedBlock = {
    ...block,
    originSeqs: [block.originSeqs[0], through.originSeq],
    targetSeqs: [block.targetSeqs[0], through.targetSeq],
  };
  return {
    ...memory,
    nextStarts: replaceStart(memory, block, through.originSeq + 1),
    blocks: memory.blocks.map((one) => (one === block ? extended : one)),
  };
}

/**
 * Forgets blocks of which the target no longer holds anything. One whose originals are gone stays as long as its copies do: it is how a way
 * back knows that they stood once.
 */
export const forgetGone = (
  memory: PairMemory,
  firstSeqOf: (stream: string) => number | undefined,
): PairMemory => ({
  ...memory,
  blocks: memory.blocks.filter((block) => block.targetSeqs[1] >= (firstSeqOf(block.target) ?? Infinity)),
});

/** Forgets what is known of streams that were made anew meanwhile: their numbers mean other messages now, or none. */
export function forgetRemade(
  memory: PairMemory,
  createdOf: (stream: string) => string | undefined,
): PairMemory {
  const isSame = ({ origin, target }: { origin: string; target: string }): boolean =>
    [origin, target].every((stream) => {
      const known = memory.created?.[stream];
      return known === undefined || known === createdOf(stream);
    });
  return { ...memory, nextStarts: memory.nextStarts.filter(isSame), blocks: memory.blocks.filter(isSame) };
}

/** When the streams were made whose numbers the memory holds. */
export const rememberMade = (
  memory: PairMemory,
  streams: Iterable<readonly [stream: string, created: string]>,
): PairMemory => ({ ...memory, created: { ...memory.created, ...Object.fromEntries(streams) } });
