import { setTimeout as delay } from 'node:timers/promises';
import {
  catchUp,
  type Copy,
  copyStretches,
  FORGOTTEN_MS,
  OpsError,
  readBacklog,
  startCopies,
} from '@aa-ops/topology';
import type { GroupRecord } from '../saga/runDocument.ts';
import { handoverContext, type RunContext } from './context.ts';
import { relaxDuplicateWindows, restoreDuplicateWindows } from './duplicateWindows.ts';
import { easeTargets } from './easedTargets.ts';
import { claimTargets, pauseQueuesOf } from './queues.ts';
import { keepAll } from './keeping.ts';

/** The run's groups, round by round (adr/0014). The first round's copies stand while the pods are restarted. */
export function roundsOf({ run }: Pick<RunContext, 'run'>): GroupRecord[][] {
  const rounds = new Map<number, GroupRecord[]>();
  for (const record of run.groups) {
    const { round } = record.group;
    rounds.set(round, [...(rounds.get(round) ?? []), record]);
  }
  return [...rounds].sort(([a], [b]) => a - b).map(([, records]) => records);
}

export const copiesOf = (records: readonly GroupRecord[]): Copy[] =>
  records.flatMap(({ group }) => group.copies);

/** Starts the copies of a round, and says what a person should know of them. May be repeated. */
export async function startRound(context: RunContext, records: readonly GroupRecord[]): Promise<string[]> {
  const copies = copiesOf(records);
  for (const record of records) if (record.phase === 'planned') record.phase = 'copying';
  await context.save(); // before the first source: whoever comes after us knows where it began
  await keepAll(
    context,
    copies.flatMap(({ origin, target }) => [origin, target]),
  );
  await claimTargets(context, copies);
  for (const { target, filters } of copies) await pauseQueuesOf(context, [target], filters);
  await easeTargets(context, copies);
  const { stretches, originals } = await readBacklog(context.account, copies);
  for (const record of records) record.originals = record.group.copies.map((copy) => originals.get(copy)!);
  await refuseUndeletable(context, [...stretches.keys()]);
  const again = copies.filter((copy) => copy.again).map(({ target }) => target);
  await relaxDuplicateWindows(context, [...stretches.keys(), ...again]);
  if (again.length > 0) await delay(FORGOTTEN_MS, undefined, { signal: context.signal });
  for (const parts of stretches.values()) {
    await copyStretches(handoverContext(context), parts, { timeoutMs: context.timeouts.catchUpMs });
  }
  await startCopies(handoverContext(context), copies);
  return [
    ...[...stretches].map(
      ([target, { length }]) => `repeated message ids: copied to ${target} in ${length + 1} stretches`,
    ),
    ...copies.map(({ origin, target, startSeq }) => `${origin} -> ${target} from ${startSeq}`),
  ];
}

/** Between two stretches a message of ours has to be deleted. Looked at before the first one is copied: what is there already could not be gone on with. */
async function refuseUndeletable({ account }: RunContext, targets: readonly string[]): Promise<void> {
  for (const target of targets) {
    if (!(await account.stream(target))?.config.deny_delete) continue;
    throw new OpsError(
      'target-denies-deletes',
      `${target} has denyDelete, and what is to be copied there has message ids more than once: it would drop the second ones, or keep a message of ours`,
      {
        hint: `copy less (--copy unacked, or a later since=), or make ${target} anew without denyDelete`,
        details: { target },
      },
    );
  }
}

/** Waits until the copies of a round hold what their origins do. */
export async function catchUpRound(context: RunContext, records: readonly GroupRecord[]): Promise<void> {
  const { timeouts, run } = context;
  for (const copy of copiesOf(records))
    await catchUp(handoverContext(context), copy, { timeoutMs: timeouts.catchUpMs });
  if (Object.keys(run.relaxed).length > 0) await restoreDuplicateWindows(context, true);
}
