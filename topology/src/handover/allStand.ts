import type { JetStreamReader } from '../jetstream/index.ts';
import { coversAll } from '../subjects/sets.ts';
import { firstOn, originOf } from './reads.ts';
import { findCopy } from './twins.ts';
import type { CopiedBlock, PairMemory } from './types.ts';

/** A block by its two sides: sequences of the stream that loses the subjects, and of the one that gains them. */
interface Span {
  block: CopiedBlock;
  isCopied: boolean;
  losing: readonly [first: number, last: number];
  gaining: readonly [first: number, last: number];
}

/** More interior deletes than these are looked through message by message. */
const MOST_DELETED = 1_000;

/**
 * Whether each message of a range of the losing stream certainly has its twin, by what is remembered and what the gaining stream says of itself: the
 * blocks leave out none of them, and nothing that they hold on the other side has expired or was deleted. However long the range is, it costs some twenty
 * requests a block; where it is not certain, `standingTwins` looks at each message. The range begins at a message.
 */
export async function allStand(
  account: JetStreamReader,
  pair: { losing: string; gaining: string },
  range: { fromSeq: number; toSeq: number; filters: readonly string[] },
  memory: PairMemory,
): Promise<boolean> {
  const spans = memory.blocks
    .flatMap((block) => spansOf(block, pair))
    .filter(({ block, losing: [first, last] }) => {
      return coversAll(block.filters, range.filters) && first <= range.toSeq && last >= range.fromSeq;
    })
    .toSorted((a, b) => a.losing[0] - b.losing[0]);
  // The numbers of a stream that was made anew close over what it has lost: no gap tells of it.
  if (spans.some(({ block }) => block.renumbered !== undefined)) return false;
  if (spans.length === 0 || (await leavesOut(account, pair.losing, range, spans))) return false;
  const [state, deleted] = await Promise.all([
    account.stream(pair.gaining).then((info) => info?.state),
    account.goneSeqs(pair.gaining, MOST_DELETED),
  ]);
  if (!state || !deleted) return false;
  for (const span of spans) {
    const first = await firstTwin(account, pair.losing, range.fromSeq, span);
    if (first === undefined || first < state.first_seq) return false;
    const gone = deleted.filter((seq) => first <= seq && seq <= span.gaining[1]);
    if (
      span.isCopied ? !(await isTail(account, pair, span, gone)) : await hadCopies(account, span.block, gone)
    )
      return false;
  }
  return true;
}

function spansOf(block: CopiedBlock, { losing, gaining }: { losing: string; gaining: string }): Span[] {
  const { origin, target, originSeqs, targetSeqs } = block;
  if (origin === losing && target === gaining)
    return [{ block, isCopied: true, losing: originSeqs, gaining: targetSeqs }];
  if (origin === gaining && target === losing)
    return [{ block, isCopied: false, losing: targetSeqs, gaining: originSeqs }];
  return [];
}

/** Of an origin, sentinels and the like were deleted as well; what was copied has a copy still. */
async function hadCopies(
  account: JetStreamReader,
  block: CopiedBlock,
  gone: readonly number[],
): Promise<boolean> {
  const copies = await Promise.all(gone.map((seq) => findCopy(account, block, seq)));
  return copies.some((copy) => copy !== undefined);
}

/** Whether what has gone of a copy is what ended it, and not a message: nothing of the origin comes behind what stands before it. */
async function isTail(
  account: JetStreamReader,
  { losing, gaining }: { losing: string; gaining: string },
  span: Span,
  gone: readonly number[],
): Promise<boolean> {
  let last = span.gaining[1];
  while (gone.includes(last)) last -= 1;
  if (last === span.gaining[1]) return gone.length === 0;
  const standing = await firstOn(account, gaining, last, span.block.filters);
  const source = standing?.seq === last ? originOf(standing) : undefined;
  if (!source || gone.some((seq) => seq < last)) return false;
  const behind = await firstOn(account, losing, source.seq + 1, span.block.filters);
  return (behind?.seq ?? Infinity) > span.losing[1];
}

/** Whether a message of the range lies between the spans, or behind them. */
async function leavesOut(
  account: JetStreamReader,
  stream: string,
  { fromSeq, toSeq, filters }: { fromSeq: number; toSeq: number; filters: readonly string[] },
  spans: readonly Span[],
): Promise<boolean> {
  const isThere = async (from: number, to: number): Promise<boolean> =>
    from <= to && ((await firstOn(account, stream, from, filters))?.seq ?? Infinity) <= to;
  let next = fromSeq;
  for (const { losing } of spans) {
    if (await isThere(next, Math.min(losing[0] - 1, toSeq))) return true;
    next = Math.max(next, losing[1] + 1);
  }
  return isThere(next, toSeq);
}

/** Where the gaining stream has, or had, the twin of the first message that the range and the span share. */
async function firstTwin(
  account: JetStreamReader,
  stream: string,
  fromSeq: number,
  { block, isCopied, losing, gaining }: Span,
): Promise<number | undefined> {
  if (losing[0] >= fromSeq) return gaining[0];
  const message = await firstOn(account, stream, fromSeq, block.filters);
  if (!message || message.seq > losing[1]) return undefined;
  return isCopied ? findCopy(account, block, message.seq) : originOf(message)?.seq;
}
