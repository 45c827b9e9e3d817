import { OpsError, type PlannedChange, readLive, readMode } from '@aa-ops/topology';
import { type Lease, operatorName } from '../../saga/lease.ts';
import { newRun, type RunDocument, type RunOptions } from '../../saga/runDocument.ts';
import type { StateStore } from '../../saga/stateStore.ts';
import type { RunEnvironment } from '../context.ts';
import { drive, endOpenWindows, takeBack } from '../drive.ts';
import { refuseOpen } from '../migrate.ts';
import { openContext, withLease } from '../openRun.ts';
import type { RunOutcome } from '../outcome.ts';
import { isReleased } from '../runSteps.ts';
import { REPLACE_STEPS } from './steps.ts';

const OPTIONS: RunOptions = { leaveReaders: false, orphanSubjects: true, copy: 'all', autoRollback: false };

/** Makes one stream or durable anew, as a run of its own (adr/0015). `change` is one that the plan calls `replace`. */
export async function replace(environment: RunEnvironment, change: PlannedChange): Promise<RunOutcome> {
  return withLease(environment, `replace ${change.name}`, async (store, lease) => {
    refuseOpen(await store.openRun());
    const { account, topology } = environment;
    const { live } = readMode(topology, await readLive(account, topology));
    const run = newRun(
      {
        command: 'replace',
        environment: topology.environment.name,
        from: live,
        to: live,
        operator: operatorName(),
        options: OPTIONS,
        replacing: {
          stream: change.kind === 'stream' ? change.name : change.stream,
          ...(change.kind === 'consumer' ? { durable: change.name } : {}),
          created: change.seen!.created,
          before: change.seen!.config,
          config: change.config,
          owned: [],
          durables: [],
          starts: [],
        },
      },
      REPLACE_STEPS,
    );
    await store.openNewRun(run);
    return drive(await openContext(environment, store, lease, run));
  });
}

/** `rollback` of an open one: undone while no subject has changed hands; behind that there is only forward. */
export async function takeBackReplace(
  environment: RunEnvironment,
  store: StateStore,
  lease: Lease,
  open: RunDocument,
): Promise<RunOutcome> {
  const context = await openContext(environment, store, lease, open);
  await endOpenWindows(context);
  const recreated = open.steps.some(({ id, startedAt }) => id === 'recreate' && startedAt !== undefined);
  if (isReleased(context) || recreated) {
    throw new OpsError(
      'replace-released',
      `${open.replacing!.stream} is half made anew (${open.id}): its messages are in two streams, or its durable is gone`,
      {
        kind: 'refused',
        hint: 'aa-ops migrate --resume finishes it; then undo the change in the topology file and apply again',
      },
    );
  }
  open.reason ??= 'rollback was asked for';
  const undone = await takeBack(context);
  return { ...undone, json: { ...undone.json, result: 'done' }, exitCode: 0 };
}
