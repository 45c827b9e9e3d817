import { copiedFrom, type StreamMessage } from '../../jetstream/index.ts';
import { Cursor, type ReadOptions, type Side } from './cursor.ts';
import { type Findings, noFindings, note } from './findings.ts';
import { isSameMessage } from './sameMessage.ts';
import type { SubjectTally } from './subjectTally.ts';

export interface MergeOptions extends ReadOptions {
  tally?: SubjectTally;
  /** Count messages of the target that are no copies. */
  extras?: boolean;
  /** Looks at nothing of the origin before its first and behind its last copy; answers how many in `beyond`. */
  onlyCopied?: boolean;
  /** Copies whose original is gone are only forgiven below this sequence, else `extra`: behind it, somebody deleted it. */
  originFirstSeq?: number;
  /** Originals from here up to the range have been brought before the target's range: in it they are doubled. */
  broughtBefore?: number;
  /** The target is new: what says that it was copied from there came from an older stream of that name, and has to be in it. */
  targetIsNew?: boolean;
}

export interface Merged extends Findings {
  /** Messages of the origin before the first copy and behind the last one (`onlyCopied`). */
  beyond: number;
  /** Messages of the target that are no copies of the origin. */
  own: number;
  /** Messages of the origin that are themselves copies of the target. */
  returned: number;
}

/** Missing messages that are kept in mind, in case they come later: 64 bytes each. */
const KEPT = 200_000;

/**
 * Walks an origin and the copies that a target made of it, both in order, side by side: a copy says in
 * `Nats-Stream-Source` what it is a copy of. Takes no more memory than some batches and what is missing.
 */
export async function mergeCopies(origin: Side, target: Side, options: MergeOptions): Promise<Merged> {
  const originals = new Cursor(origin, options);
  const copies = new Cursor(target, options);
  try {
    return await merge(originals, copies, origin, target, options);
  } finally {
    await Promise.all([originals.close(), copies.close()]);
  }
}

async function merge(
  originals: Cursor,
  copies: Cursor,
  origin: Side,
  target: Side,
  {
    tally,
    payloads,
    extras = false,
    onlyCopied = false,
    originFirstSeq = Infinity,
    broughtBefore = Infinity,
    targetIsNew = false,
  }: MergeOptions,
): Promise<Merged> {
  const merged: Merged = { ...noFindings(), beyond: 0, own: 0, returned: 0 };
  const missing = new Set<number>();
  let overflowed: number | undefined;
  let highest = 0;
  /** Steps over one original for which no copy has come so far. */
  const pass = (original: StreamMessage): void => {
    originals.step();
    if (!targetIsNew && copiedFrom(original.headers)?.stream === target.stream) {
      merged.returned++;
      return;
    }
    if (onlyCopied && highest === 0) {
      merged.beyond++;
      return;
    }
    merged.messages++;
    merged.missing++;
    tally?.addOrigin(original);
    if (missing.size < KEPT) missing.add(original.seq);
    else overflowed ??= original.seq;
  };

  for (;;) {
    const copy = copies.head ?? (await copies.fill());
    if (!copy) break;
    copies.step();
    const source = copiedFrom(copy.headers);
    if (source?.stream !== origin.stream) {
      merged.own++;
      if (extras) tally?.addTarget(copy);
      continue;
    }
    const { seq } = source;
    if (seq < origin.seqs[0] && seq >= broughtBefore) note(merged, 'doubled', seq);
    if (seq < origin.seqs[0] || seq > origin.seqs[1]) continue;
    tally?.addTarget(copy);
    if (seq <= highest) {
      if (missing.delete(seq)) {
        merged.missing--;
        note(merged, 'outOfOrder', seq);
      } else note(merged, overflowed !== undefined && seq >= overflowed ? 'outOfOrder' : 'doubled', seq);
      continue;
    }
    let original = originals.head ?? (await originals.fill());
    while (original && original.seq < seq) {
      pass(original);
      original = originals.head ?? (await originals.fill());
    }
    highest = seq;
    if (original?.seq !== seq) {
      if (seq >= originFirstSeq) merged.extra++;
      else merged.gone++;
      continue;
    }
    originals.step();
    merged.messages++;
    tally?.addOrigin(original);
    if (payloads && !isSameMessage(original, copy)) note(merged, 'different', seq);
  }
  for (let rest = originals.head ?? (await originals.fill()); rest;) {
    if (onlyCopied) {
      if (copiedFrom(rest.headers)?.stream === target.stream) merged.returned++;
      else merged.beyond++;
      originals.step();
    } else pass(rest);
    rest = originals.head ?? (await originals.fill());
  }
  if (extras) merged.extra += merged.own;
  return withExamples(merged, missing, overflowed);
}

function withExamples(merged: Merged, missing: Set<number>, overflowed: number | undefined): Merged {
  const [first] = missing;
  const firstMissing = first ?? overflowed;
  if (firstMissing === undefined) return merged;
  return { ...merged, firstMissing, examples: [...missing, ...merged.examples].slice(0, 10) };
}
