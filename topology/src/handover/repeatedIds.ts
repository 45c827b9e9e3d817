import { setTimeout as delay } from 'node:timers/promises';
import { copiedFrom, type JetStreamWriter, readRange } from '../jetstream/index.ts';
import type { Stretch } from './backlog.ts';
import { catchUp, type CatchUpOptions, dropCopies, startCopies } from './copying.ts';
import { copiedThrough } from './reads.ts';
import type { Copy, HandoverContext } from './types.ts';

/** The least duplicate window that a server takes, in ns. */
export const LEAST_DUPLICATE_WINDOW = 100_000_000;

/** ms after which a server has forgotten an id: it looks for those beyond its window once in each window. */
export const FORGOTTEN_MS = 300;
/** ms between two looks at a copy that has to stop at a place: what it brings beyond is deleted one by one. */
const STRETCH_POLL_MS = 5;
const DELETES_IN_FLIGHT = 64;

/**
 * Copies stretch by stretch: the source is taken away where an id comes again, what it brought beyond is deleted, and it
 * goes on there once the target has forgotten the id. The target's window has to be at its least. Leaves no source of
 * ours behind; may be repeated.
 */
export async function copyStretches(
  context: HandoverContext,
  stretches: readonly Stretch[],
  options: CatchUpOptions,
): Promise<void> {
  for (const { copy, through } of stretches) {
    await startCopies(context, [copy]);
    await catchUp(context, copy, { ...options, through, pollMs: STRETCH_POLL_MS });
    await cutCopy(context, copy, through);
  }
}

/** Takes a copy's source away, and everything that it brought from behind a sequence of its origin. */
export async function cutCopy(context: HandoverContext, copy: Copy, through: number): Promise<void> {
  await dropCopies(context, [copy.target]);
  await delay(FORGOTTEN_MS, undefined, { signal: context.signal }); // nothing is on its way any more either
  const beyond = await copiesBeyond(context.account, copy, through);
  if (beyond.length === 0) return;
  await context.journal.effect('cut-copy', { copy, through, messages: beyond.length }, async () => {
    for (let i = 0; i < beyond.length; i += DELETES_IN_FLIGHT) {
      await Promise.all(
        beyond.slice(i, i + DELETES_IN_FLIGHT).map((seq) => context.account.deleteMessage(copy.target, seq)),
      );
    }
  });
}

/** Sequences of the target that hold copies of what lies behind a sequence of the origin. */
async function copiesBeyond(account: JetStreamWriter, copy: Copy, through: number): Promise<number[]> {
  const brought = await copiedThrough(account, copy);
  if (!brought || brought.originSeq <= through) return [];
  const beyond: number[] = [];
  const range = { fromSeq: copy.targetFromSeq, filters: copy.filters, headersOnly: true };
  for await (const batch of readRange(account, copy.target, range)) {
    for (const { seq, headers } of batch) {
      const source = copiedFrom(headers);
      if (source?.stream === copy.origin && source.seq > through) beyond.push(seq);
    }
  }
  return beyond;
}
