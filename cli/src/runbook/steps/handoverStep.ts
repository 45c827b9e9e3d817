import {
  catchUp,
  findHeldElsewhere,
  handOver,
  heldElsewhere,
  heldFilters,
  missingHoldRights,
  OpsError,
  recoverWindow,
  rememberWindow,
  restartCopies,
  restOfWindow,
  sentinelsOf,
  settleReverted,
  settleWindow,
  startCopies,
  tellUnheard,
  type WindowOutcome,
  withoutOwner,
} from '@aa-ops/topology';
import type { GroupRecord } from '../../saga/runDocument.ts';
import { type Guardian, startGuardian } from '../../saga/startGuardian.ts';
import { endFoundWindow } from '../../saga/windowClaim.ts';
import { handoverContext, type RunContext } from '../context.ts';
import { pauseQueuesOf } from '../queues.ts';
import { keepAll } from '../keeping.ts';
import { catchUpRound, roundsOf, startRound } from '../rounds.ts';
import type { Step } from '../step.ts';

/** A window that did not drain in time leaves everything as it was: try again, a few times. */
const MAX_ATTEMPTS = 3;

/** The point of no return: from the first release on there is forward, or a way back, and no undoing. */
export const handoverStep: Step = {
  id: 'handover',
  title: 'Hand the subjects over',
  runbook: 'not in the runbook: flipping the mode moves no message (the server answers 10065)',
  pointOfNoReturn: true,
  async run(context) {
    const { groups } = context.run;
    if (groups.every(({ phase }) => phase === 'settled')) return { status: 'already' };
    const guardian = await startGuardian(context.settings, context.topology.name, context.account);
    try {
      for (const [index, records] of roundsOf(context).entries()) {
        if (index > 0) await beginRound(context, records);
        for (const record of records) await handOverGroup(context, record, guardian);
      }
    } finally {
      guardian.close();
    }
    return { note: `windows of ${groups.map(({ windowMs }) => `${windowMs ?? 0} ms`).join(', ')}` };
  },
};

/** The copies of a later round could not stand beside those of the one before (adr/0014). */
async function beginRound(context: RunContext, records: readonly GroupRecord[]): Promise<void> {
  const waiting = records.filter(({ phase }) => phase === 'planned' || phase === 'copying');
  if (waiting.length === 0) return;
  const [{ group }] = waiting as [GroupRecord];
  const notes = await startRound(context, waiting);
  context.host.notify({
    level: 'info',
    code: 'round-begun',
    message: `round ${group.round}: ${notes.join('; ')}`,
    data: { round: group.round },
  });
  await catchUpRound(context, waiting);
}

/** Takes one group through its window, or through what is left of it. */
export async function handOverGroup(
  context: RunContext,
  record: GroupRecord,
  guardian: Guardian,
): Promise<void> {
  if (record.phase === 'open') await recoverGroup(context, record);
  const withoutHold = await mustGoWithoutHold(context, record);
  while (record.phase === 'copying' || record.phase === 'planned') {
    // They stand, unless somebody took one away: that may be why the window before was reverted.
    await startCopies(handoverContext(context), record.group.copies);
    for (const copy of record.group.copies) {
      await catchUp(handoverContext(context), copy, { timeoutMs: context.timeouts.catchUpMs });
    }
    // What such streams store in the window has to stand there until it is known what was held besides.
    const streams = record.group.streams.map(({ stream }) => stream);
    await pauseQueuesOf(context, streams);
    await keepAll(context, streams);
    await refuseOverlaps(context, record);
    context.signal.throwIfAborted();
    record.attempt += 1;
    const outcome = await handOver(handoverContext(context), context.settings, record.group, {
      run: context.run.id,
      attempt: record.attempt,
      withoutHold,
      ...(context.windowBounds ? { bounds: context.windowBounds } : {}),
      guard: {
        async arm(spec) {
          record.spec = spec;
          record.phase = 'open';
          await context.save(); // a window that is found open can be ended by whoever reads this
          await guardian.arm(spec);
        },
        // Before the release there is time to ask; nothing has to be written while nobody owns the subjects.
        async assertOurs(before) {
          if (before === 'release') await context.lease.confirm();
          context.lease.lost.throwIfAborted();
          await guardian.assertOurs(before);
        },
        async lettingGo() {
          await context.lease.assertHeld();
          await guardian.lettingGo();
        },
        endElsewhere: (spec) => guardian.endElsewhere(spec),
        disarm: () => guardian.disarm(),
      },
    });
    await closeWindow(context, record, outcome);
    const { outcome: came, isFinal, reason } = outcome.window;
    if (came === 'reverted' && (isFinal || record.attempt >= MAX_ATTEMPTS)) {
      throw new OpsError('window-reverted', `the subjects went back ${record.attempt} times: ${reason}`, {
        hint: 'nothing has changed hands; see the reason, then run the command again',
        details: { group: record.group.id, reason },
      });
    }
    if (came === 'reverted') await restartCopies(handoverContext(context), record.group.copies);
  }
  await settleGroup(context, record);
  const rest = context.run.groups.find(({ group }) => group.id === `${record.group.id}.rest`);
  if (rest && rest.phase !== 'settled') await handOverGroup(context, rest, guardian);
}

/** Once more right before the release: somebody may have made a stream since the plan. Throws OpsError `subjects-overlap`. */
async function refuseOverlaps({ account }: RunContext, { group }: GroupRecord): Promise<void> {
  const ours = new Set(group.streams.map(({ stream }) => stream));
  const others = (await account.listStreams()).flatMap(({ config }) =>
    ours.has(config.name) ? [] : [config],
  );
  const wanted = group.streams.map(({ stream, final }) => ({ stream, subjects: final }));
  const [held] = findHeldElsewhere(wanted, others);
  if (held) throw heldElsewhere(held);
}

/** Stores what a window came to; its memory first, while the streams still tell everything. */
async function closeWindow(
  context: RunContext,
  record: GroupRecord,
  { spec, window, letGo }: WindowOutcome,
): Promise<void> {
  if (window.outcome === 'reverted') {
    await settleReverted(handoverContext(context), spec);
    record.phase = 'copying';
    await context.save();
    return;
  }
  record.sentinels = await sentinelsOf(context.account, spec, window.sentinels);
  record.windowMs = window.windowMs;
  record.letGo = letGo;
  await context.store.saveMemory(rememberWindow(await context.store.memory(), spec, record.sentinels));
  record.phase = 'taken';
  await context.save();
}

/** Ends a window that another process left open, before anything else. */
export async function recoverGroup(context: RunContext, record: GroupRecord): Promise<void> {
  const spec = record.spec;
  if (record.phase !== 'open' || !spec) return;
  context.host.notify({
    level: 'warn',
    code: 'window-found-open',
    message: `a window on ${heldFilters(spec).join(', ')} was left open: ending it`,
  });
  const { account, settings, topology } = context;
  const { window, letGo, unheard } = await endFoundWindow(account, topology.name, spec, (assertOurs) =>
    recoverWindow(account, settings, spec, { assertOurs }),
  );
  if (unheard) tellUnheard(context.host, spec, unheard);
  await closeWindow(context, record, { spec, window, letGo });
}

export async function settleGroup(context: RunContext, record: GroupRecord): Promise<void> {
  if (record.phase !== 'taken') return;
  await settleWindow(handoverContext(context), record.spec!, record.sentinels!);
  const rest = await restOfWindow(context.account, record.spec!, record.group.round);
  if (rest) context.run.groups.push({ group: rest, phase: 'planned', attempt: 0 });
  record.phase = 'settled';
  await context.save();
}

/** Without the rights for a hold the run goes on, says so, and publishers meet 503 in the window. */
async function mustGoWithoutHold(context: RunContext, record: GroupRecord): Promise<boolean> {
  const missing = missingHoldRights(await context.account.rights(), heldFilters(withoutOwner(record.group)));
  if (missing.length === 0) return false;
  context.host.notify({
    level: 'warn',
    code: 'no-hold',
    message: `publishes in the window cannot be held and will meet 503: these credentials lack ${missing.join(', ')}`,
    data: { missing },
  });
  return true;
}
