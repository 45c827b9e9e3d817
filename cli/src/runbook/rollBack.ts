import { dropCopies, OpsError } from '@aa-ops/topology';
import { runChecks, rollbackChecks } from '../checks/index.ts';
import { type Lease, operatorName } from '../saga/lease.ts';
import { newRun, type RunDocument, type RunOptions, type StepId } from '../saga/runDocument.ts';
import { isBusy, StateReader, type StateStore } from '../saga/stateStore.ts';
import { checkContext, settleChecks } from './checkContext.ts';
import { handoverContext, type ReadEnvironment, type RunContext, type RunEnvironment } from './context.ts';
import { drive, endOpenWindows, takeBack } from './drive.ts';
import { restoreDuplicateWindows } from './duplicateWindows.ts';
import { restoreTargets } from './easedTargets.ts';
import { takeBackFilters } from './filters/changeFilters.ts';
import { wholeMode } from './mixed.ts';
import { openContext, withLease } from './openRun.ts';
import { type RunOutcome, unchanged } from './outcome.ts';
import { takeBackReplace } from './replace/replace.ts';
import { isReleased } from './runSteps.ts';
import { giveUpCopies } from './steps/expandStep.ts';
import { settleGroup } from './steps/handoverStep.ts';
import { STEPS } from './steps/index.ts';

const DEFAULT_OPTIONS: RunOptions = {
  leaveReaders: false,
  orphanSubjects: true,
  copy: 'unacked',
  autoRollback: false,
};

/** `rollback`: back to where the last migration came from, from any point of it. Repeating it changes nothing. */
export async function rollBack(
  environment: RunEnvironment,
  request: { options?: Partial<RunOptions>; pauseBefore?: StepId } = {},
): Promise<RunOutcome> {
  return withLease(environment, 'rollback', async (store, lease) => {
    const open = await store.openRun();
    if (open?.command === 'rollback') {
      const forward = open.turnsRound === undefined ? undefined : await store.run(open.turnsRound);
      if (forward) await askBack(store, forward);
      return goOn(await openContext(environment, store, lease, open), request.pauseBefore);
    }
    if (open?.command === 'replace') return takeBackReplace(environment, store, lease, open);
    if (open?.command === 'apply') return takeBackFilters(environment, store, lease, open);
    if (open) {
      await askBack(store, open);
      return rollBackFrom(environment, store, lease, open, request);
    }
    return rollBackLast(environment, store, lease, request);
  });
}

/** Stored before anything: typed again, this is known to be the one. */
async function askBack(store: StateStore, run: RunDocument): Promise<void> {
  run.askedBack = true;
  await store.saveRun(run);
}

/** What `rollback` would answer without changing anything, known before anybody is asked whether it may; undefined where it would begin or go on. */
export async function nothingToRollBack(look: ReadEnvironment): Promise<RunOutcome | undefined> {
  const store = new StateReader(look.account, look.topology.name);
  if (await isBusy(store)) return undefined;
  const { live, last } = await lastForward(look, store);
  return last ? undefined : unchanged('rollback', live);
}

async function rollBackLast(
  environment: RunEnvironment,
  store: StateStore,
  lease: Lease,
  request: { options?: Partial<RunOptions>; pauseBefore?: StepId },
): Promise<RunOutcome> {
  const { live, last } = await lastForward(environment, store);
  return last ? startWayBack(environment, store, lease, last, request) : unchanged('rollback', live);
}

/** The migration to turn round where no run is open; none where the account is there already. OpsError `nothing-to-roll-back`. */
async function lastForward(
  look: ReadEnvironment,
  store: StateReader,
): Promise<{ live: string; last?: RunDocument }> {
  const live = await wholeMode(look);
  // One that took itself back has changed nothing; one that was asked to is not to be followed by the one before it.
  const last = (await store.runs()).findLast(
    ({ command, status, askedBack }) =>
      command === 'migrate' && (status === 'done' || (status === 'rolled-back' && askedBack)),
  );
  if (last?.status === 'rolled-back') return { live };
  if (last && last.from === last.to && !(await wasTurnedRound(store, last.id))) throw inMode(last);
  if (!last || last.from === live || (await wasTurnedRound(store, last.id))) return { live };
  if (last.to !== live) {
    throw new OpsError(
      'nothing-to-roll-back',
      `the last migration went to ${last.to}, the account is in mode ${live}`,
      {
        kind: 'refused',
        hint: 'aa-ops history shows the runs; aa-ops migrate --to MODE goes anywhere',
      },
    );
  }
  return { live, last };
}

/** The file moved subjects inside the mode, and what it was before is nowhere but in the file's own history. */
const inMode = ({ id, to, status }: RunDocument): OpsError =>
  new OpsError(
    'nothing-to-roll-back',
    `the last migration (${id}) moved subjects inside mode ${to}: there is no mode to go back to`,
    {
      kind: 'refused',
      hint: `${status === 'open' ? 'aa-ops migrate --resume finishes it; then ' : ''}undo the change in the topology file, and aa-ops migrate --to ${to}`,
      details: { run: id },
    },
  );

const wasTurnedRound = async (store: StateReader, run: string): Promise<boolean> =>
  (await store.runs()).some(({ turnsRound, status }) => turnsRound === run && status === 'done');

/**
 * Turns an open migration round. Nothing released yet: what it did is undone. Otherwise every window is ended, every
 * copy that still runs is given up (forward and reverse sources cannot stand together), and a way back begins.
 */
export async function rollBackFrom(
  environment: RunEnvironment,
  store: StateStore,
  lease: Lease,
  open: RunDocument,
  request: { options?: Partial<RunOptions>; pauseBefore?: StepId } = {},
): Promise<RunOutcome> {
  const context = await openContext(environment, store, lease, open);
  await endOpenWindows(context);
  if (!isReleased(context)) return undoOpen(context);
  if (open.from === open.to) throw inMode(open);
  for (const record of open.groups) await settleGroup(context, record);
  await giveUpCopies(context);
  await restoreDuplicateWindows(context, false);
  await restoreTargets(context);
  await dropCopies(handoverContext(context), Object.keys(context.topology.streams));
  return startWayBack(environment, store, lease, open, request);
}

async function undoOpen(context: RunContext): Promise<RunOutcome> {
  context.run.reason ??= 'rollback was asked for';
  const undone = await takeBack(context);
  const results = await runChecks(rollbackChecks, {
    ...checkContext(context, context.run.from),
    mode: context.run.from,
  });
  settleChecks(context, results);
  const { from, to, shortcomings } = context.run;
  return {
    json: { ...undone.json, command: 'rollback', from: to, to: from, result: 'done' },
    exitCode: shortcomings.length > 0 ? 5 : 0,
  };
}

async function startWayBack(
  environment: RunEnvironment,
  store: StateStore,
  lease: Lease,
  forward: RunDocument,
  request: { options?: Partial<RunOptions>; pauseBefore?: StepId },
): Promise<RunOutcome> {
  const run = newRun(
    {
      command: 'rollback',
      environment: environment.topology.environment.name,
      from: forward.to,
      to: forward.from,
      operator: operatorName(),
      turnsRound: forward.id,
      ...(forward.groups.every(({ phase }) => phase === 'settled') ? {} : { fromHalfWay: true as const }),
      options: { ...DEFAULT_OPTIONS, ...request.options },
    },
    STEPS,
  );
  if (forward.paused) run.paused = forward.paused; // they are still paused, for this run then
  // The way back is open before the way forward is closed: whoever comes between the two finds one to go on with.
  await store.openNewRun(run);
  return goOn(await openContext(environment, store, lease, run), request.pauseBefore);
}

/** Goes on with an open way back, and closes the way forward that it turns round if nobody has yet. */
export async function goOn(context: RunContext, pauseBefore?: StepId): Promise<RunOutcome> {
  const forward = context.run.turnsRound ? await context.store.run(context.run.turnsRound) : undefined;
  if (forward?.status === 'open') {
    Object.assign(forward, { status: 'rolled-back', endedAt: new Date().toISOString() });
    forward.reason ??= `turned round by ${context.run.id}`;
    await context.store.saveRun(forward);
  }
  await endOpenWindows(context);
  return drive(context, pauseBefore);
}
