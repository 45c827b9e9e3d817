import { dropCopies } from './copying.ts';
import { moveLate } from './lateMessages.ts';
import { rememberCopied, rememberTaken } from './memory.ts';
import { epochFilter } from './names.ts';
import type { JetStreamReader } from '../jetstream/index.ts';
import { realSubjects } from '../model.ts';
import { intersectSets, sameFilters } from '../subjects/sets.ts';
import type { HandoverContext, PairMemory, PreparedGroup, StreamRole } from './types.ts';
import type { SentinelPlace } from './drain.ts';
import type { WindowSpec, WindowStream } from './windowSpec.ts';

/** What a later handover of the same pairs has to know of this one. Pure. */
export function rememberWindow(
  memory: PairMemory,
  spec: WindowSpec,
  sentinels: readonly SentinelPlace[],
): PairMemory {
  return spec.copies.reduce((known, copy, index) => {
    const { originSeq, targetSeq } = sentinels[index]!;
    const copied = rememberCopied(known, copy, { originSeq, targetSeq });
    return rememberTaken(copied, copy, targetSeq + 1);
  }, memory);
}

/**
 * After the take, nothing of the handover stays: the sources go once the origin's last message has arrived (in a cluster
 * a proposal can be late), the origins hear what they keep, the sentinels are deleted. May be repeated.
 */
export async function settleWindow(
  context: HandoverContext,
  spec: WindowSpec,
  sentinels: readonly SentinelPlace[],
): Promise<void> {
  await Promise.all(spec.copies.map((copy, index) => moveLate(context, copy, sentinels[index]!)));
  await dropCopies(
    context,
    spec.copies.map(({ target }) => target),
  );
  await settleSubjects(context, spec);
  await deleteOurMessages(context, spec);
}

/** Origins hear what they keep, targets no barrier any more. */
async function settleSubjects(context: HandoverContext, spec: WindowSpec): Promise<void> {
  for (const one of spec.streams)
    await hearOnly(context, one, (await tookCertain(context.account, one)) ?? one.final);
}

/** What a stream took of what it should have, where it could not take all of it; without the barrier. */
async function tookCertain(
  account: JetStreamReader,
  { stream, certain, barrier }: WindowStream,
): Promise<string[] | undefined> {
  if (!certain) return undefined;
  const subjects = certain.filter((subject) => subject !== barrier);
  const heard = (await account.stream(stream))?.config.subjects ?? [];
  return [certain, subjects].some((one) => sameFilters(heard, one)) ? subjects : undefined;
}

/**
 * The window that is left to do behind a settled one: for streams that could not take all, since somebody else's stream heard some of it. What they
 * have is heard by other filters then, and so it has no owner in that window either (docs/adr/0020). Undefined: nothing is left.
 */
export async function restOfWindow(
  account: JetStreamReader,
  { group, streams }: WindowSpec,
  round: number,
): Promise<PreparedGroup | undefined> {
  const roles = await Promise.all(
    streams.map(async (one): Promise<StreamRole[]> => {
      const certain = await tookCertain(account, one);
      if (!certain) return [];
      const [owned, final] = [realSubjects(certain), realSubjects(one.final)];
      return [{ stream: one.stream, owned, kept: intersectSets(owned, final), final }];
    }),
  );
  const left = roles.flat();
  return left.length === 0 ? undefined : { id: `${group}.rest`, round, streams: left, copies: [] };
}

/** After a revert: every origin hears what it heard before, and holds nothing of ours. */
export async function settleReverted(context: HandoverContext, spec: WindowSpec): Promise<void> {
  for (const one of spec.streams) await hearOnly(context, one, one.before);
  await deleteOurMessages(context, spec);
}

/** What somebody else has added to a stream meanwhile stays: it is in no place that a window leads through. */
async function hearOnly(context: HandoverContext, one: WindowStream, wanted: string[]): Promise<void> {
  const info = await context.account.stream(one.stream);
  if (!info) return;
  const places = [one.before, one.released, one.taken, one.certain, one.final].flatMap(
    (place) => place ?? [],
  );
  const added = realSubjects(info.config.subjects).filter((subject) => !places.includes(subject));
  const subjects = added.length > 0 ? [...realSubjects(wanted), ...added] : wanted;
  if (sameFilters(info.config.subjects, subjects)) return;
  await context.journal.effect('settle-subjects', { stream: one.stream, subjects }, () =>
    context.account.updateStream({ ...info.config, subjects }),
  );
}

/** Sentinels and barriers are ours, not somebody's data; where deleting is denied they stay, and are harmless. */
async function deleteOurMessages(context: HandoverContext, spec: WindowSpec): Promise<void> {
  const places = [
    ...spec.copies.flatMap(({ origin, target, epoch }) =>
      [origin, target].map((stream) => ({ stream, subject: epochFilter(epoch) })),
    ),
    ...spec.streams.map(({ stream, barrier }) => ({ stream, subject: barrier })),
  ];
  await Promise.all(
    places.map(async ({ stream, subject }) => {
      const info = await context.account.stream(stream);
      if (!info || info.config.deny_delete) return;
      for (;;) {
        const found = await context.account.message(stream, { lastBySubject: subject });
        if (!found) return;
        await context.account.deleteMessage(stream, found.seq);
      }
    }),
  );
}
