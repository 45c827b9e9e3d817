import { setTimeout as delay } from 'node:timers/promises';
import { copiedFrom, type JetStreamWriter, readRange } from '../jetstream/index.ts';
import { catchUp, type CatchUpOptions, dropCopies, startCopies } from './copying.ts';
import { idHash } from './idHash.ts';
import { NumberSet } from './numberSet.ts';
import { copiedThrough } from './reads.ts';
import { SeenBefore } from './seenBefore.ts';
import type { Copy, HandoverContext } from './types.ts';

/** The least duplicate window that a server takes, in ns. */
export const LEAST_DUPLICATE_WINDOW = 100_000_000;

/** ms after which a server has forgotten an id: it looks for those beyond its window once in each window. */
export const FORGOTTEN_MS = 300;
/** ms between two looks at a copy that has to stop at a place: what it brings beyond is deleted one by one. */
const STRETCH_POLL_MS = 5;
const DELETES_IN_FLIGHT = 64;

/** A part of a copy, up to and with the origin's sequence `through`, in which no message id comes twice. */
export interface Stretch {
  copy: Copy;
  through: number;
}

/** From so many messages on, two readings take less memory than one. */
const MANY_MESSAGES = 1_000_000;

/**
 * Targets that would drop messages as repetitions although their origins hold them: two of one `Nats-Msg-Id`, further
 * apart than the origin's window, arrive together when a backlog is copied, even with the least window that there is; and
 * so may one id from two origins. Answers the stretches that can be copied at one go, for these targets only; a copy's
 * last stretch is not among them: it never ends. Reads the headers of everything that is to be copied, at some 100,000
 * messages a second; ids are kept as hashes of 52 bits, of one stretch at a time. Of a million messages and more (`many`) a first
 * reading finds out which ids may come again, so that only those have to be kept.
 */
export async function stretchesOf(
  account: JetStreamWriter,
  copies: readonly Copy[],
  many = MANY_MESSAGES,
): Promise<Map<string, Stretch[]>> {
  const found = new Map<string, Stretch[]>();
  for (const target of new Set(copies.map((copy) => copy.target))) {
    const into = copies.filter((copy) => copy.target === target);
    const messages = await mostMessages(account, into);
    const suspects = messages < many ? undefined : await suspectsOf(account, into, messages);
    const stretches = await stretchesInto(account, into, suspects);
    if (stretches.length > 0) found.set(target, stretches);
  }
  return found;
}

async function mostMessages(account: JetStreamWriter, copies: readonly Copy[]): Promise<number> {
  const counts = await Promise.all(
    copies.map(async ({ origin, startSeq }) => {
      const state = (await account.stream(origin))?.state;
      return state ? Math.min(state.messages, state.last_seq - startSeq + 1) : 0;
    }),
  );
  return counts.reduce((sum, count) => sum + Math.max(0, count), 0);
}

/** Every id that comes twice, as its hash, and a few that do not. */
async function suspectsOf(
  account: JetStreamWriter,
  copies: readonly Copy[],
  messages: number,
): Promise<NumberSet> {
  const seen = new SeenBefore(messages);
  const suspects = new NumberSet();
  for (const copy of copies)
    for await (const batch of idsOf(account, copy))
      for (const { hash } of batch) if (hash !== undefined && seen.add(hash)) suspects.add(hash);
  return suspects;
}

async function stretchesInto(
  account: JetStreamWriter,
  copies: readonly Copy[],
  suspects: NumberSet | undefined,
): Promise<Stretch[]> {
  const ids = new NumberSet();
  const stretches: Stretch[] = [];
  let repeated = false;
  for (const copy of copies) {
    let last = copy.startSeq - 1;
    for await (const batch of idsOf(account, copy)) {
      for (const { seq, hash } of batch) {
        if (hash !== undefined && (!suspects || suspects.has(hash)) && !ids.add(hash)) {
          repeated = true;
          stretches.push({ copy, through: last });
          ids.clear();
          ids.add(hash);
        }
        last = seq;
      }
    }
    // The next origin's ids may be this one's: it comes when this one's are forgotten.
    if (copy !== copies.at(-1)) stretches.push({ copy, through: last });
  }
  return repeated ? stretches : [];
}

/** Sequences, and the hash of each one's `Nats-Msg-Id`, where it has one. */
async function* idsOf(
  account: JetStreamWriter,
  copy: Copy,
): AsyncGenerator<{ seq: number; hash: number | undefined }[]> {
  const range = { fromSeq: copy.startSeq, filters: copy.filters, headersOnly: true };
  for await (const batch of readRange(account, copy.origin, range)) {
    yield batch.map(({ seq, headers }) => {
      const id = headers.first('Nats-Msg-Id');
      return { seq, hash: id === undefined ? undefined : idHash(id) };
    });
  }
}

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
