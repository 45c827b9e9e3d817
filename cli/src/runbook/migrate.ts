import { MIXED, OpsError, planHandovers, readLive, readMode, type Topology } from '@aa-ops/topology';
import { operatorName } from '../saga/lease.ts';
import { newRun, type RunDocument, type RunOptions, type StepId } from '../saga/runDocument.ts';
import { isBusy, StateReader } from '../saga/stateStore.ts';
import { liveOwnership, type ReadEnvironment, ownershipIn, type RunEnvironment } from './context.ts';
import { drive, endOpenWindows, takeBack } from './drive.ts';
import { goesOn } from './goesOn.ts';
import { mixed, wholeMode } from './mixed.ts';
import { openContext, withLease } from './openRun.ts';
import { type RunOutcome, unchanged } from './outcome.ts';
import { goOn, rollBackFrom } from './rollBack.ts';
import { isReleased } from './runSteps.ts';
import { STEPS } from './steps/index.ts';
import { type MigrationPlan, planMigration } from './steps/planMigration.ts';

export interface MigrateRequest {
  to: string;
  options: RunOptions;
  pauseBefore?: StepId;
}

/** `migrate --to MODE`: the whole runbook, from the mode that the account is in. */
export async function migrate(environment: RunEnvironment, request: MigrateRequest): Promise<RunOutcome> {
  return withLease(environment, `migrate --to ${request.to}`, async (store, lease) => {
    refuseOpen(await store.openRun());
    const from = await startingMode(environment, request.to);
    if (from === request.to && !(await subjectsMoved(environment, request.to)))
      return unchanged('migrate', from);
    const run = newRun(
      {
        command: 'migrate',
        environment: environment.topology.environment.name,
        from,
        to: request.to,
        operator: operatorName(),
        options: request.options,
      },
      STEPS,
    );
    await store.openNewRun(run);
    const context = await openContext(environment, store, lease, run);
    const outcome = await drive(context, request.pauseBefore);
    const hasWayBack = from !== request.to || !isReleased(context); // else only the file tells what it was before
    const isStopped = run.status === 'open' && outcome.error !== undefined;
    const turnRound = request.options.autoRollback && isStopped && hasWayBack;
    return turnRound ? turnedRound(await rollBackFrom(environment, store, lease, run), outcome) : outcome;
  });
}

/** A migration that went back by itself has failed, whatever its way back came to. */
const turnedRound = (back: RunOutcome, forward: RunOutcome): RunOutcome =>
  back.exitCode === 0
    ? {
        ...back,
        json: { ...back.json, result: 'rolled-back' },
        exitCode: 1,
        ...(forward.error ? { error: forward.error } : {}),
      }
    : back;

/** What `migrate --to` would answer without changing anything, known before anybody is asked whether it may; undefined where it would begin a run. */
export async function nothingToMigrate(look: ReadEnvironment, to: string): Promise<RunOutcome | undefined> {
  if (await isBusy(new StateReader(look.account, look.topology.name))) return undefined;
  const from = await startingMode(look, to);
  return from === to && !(await subjectsMoved(look, to)) ? unchanged('migrate', from) : undefined;
}

/** `migrate --resume`: finishes whichever run is open, forward or back. A window that was left open comes first. */
export async function resume(environment: RunEnvironment, pauseBefore?: StepId): Promise<RunOutcome> {
  return withLease(environment, 'migrate --resume', async (store, lease) => {
    const run = await store.openRun();
    if (!run) return unchanged('migrate', await wholeMode(environment));
    const context = await openContext(environment, store, lease, run);
    if (run.command === 'rollback') return goOn(context, pauseBefore);
    await endOpenWindows(context);
    if (run.undoing) return takeBack(context);
    return drive(context, pauseBefore);
  });
}

/** `migrate --dry-run`: what the plan step would store, made by a client that cannot write. */
export async function planOnly(
  environment: ReadEnvironment,
  request: Pick<MigrateRequest, 'to' | 'options'>,
): Promise<{ from: string; plan: MigrationPlan }> {
  const from = await startingMode(environment, request.to);
  const store = new StateReader(environment.account, environment.topology.name);
  const run = { id: 'dry-run', command: 'migrate' as const, from, to: request.to, options: request.options };
  return { from, plan: await planMigration({ ...environment, store, run }) };
}

/** OpsError `mode-unknown`: before anything is asked of a person or the account. */
export function assertMode(topology: Topology, to: string): void {
  if (Object.hasOwn(topology.modes, to)) return;
  throw new OpsError('mode-unknown', `topology ${topology.name} has no mode ${to}`, {
    kind: 'usage',
    hint: `its modes: ${Object.keys(topology.modes).join(', ')}`,
  });
}

async function startingMode({ account, topology }: ReadEnvironment, to: string): Promise<string> {
  assertMode(topology, to);
  const reading = readMode(topology, await readLive(account, topology));
  if (reading.live === 'none') {
    throw new OpsError('nothing-stands', `none of the streams of ${topology.name} stands in this account`, {
      kind: 'refused',
      hint: 'aa-ops apply makes everything of the initial mode',
    });
  }
  if (reading.live === MIXED) throw mixed(reading, to);
  return reading.live;
}

const subjectsMoved = async ({ account, topology }: ReadEnvironment, mode: string): Promise<boolean> =>
  planHandovers(await liveOwnership(account, topology), ownershipIn(topology, mode)).length > 0;

export function refuseOpen(open: RunDocument | undefined): void {
  if (!open) return;
  throw new OpsError(
    'run-open',
    `run ${open.id} (${open.command} ${open.from} -> ${open.to}) is open since ${open.startedAt}`,
    {
      kind: 'refused',
      hint: goesOn(open),
      details: { run: open.id, steps: open.steps },
    },
  );
}
