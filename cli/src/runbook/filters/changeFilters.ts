import { OpsError, type Ownership, readLive, readMode } from '@aa-ops/topology';
import { type Lease, operatorName } from '../../saga/lease.ts';
import { newRun, type RunDocument, type RunOptions } from '../../saga/runDocument.ts';
import type { StateStore } from '../../saga/stateStore.ts';
import type { RunEnvironment } from '../context.ts';
import { drive, endOpenWindows, takeBack } from '../drive.ts';
import { refuseOpen } from '../migrate.ts';
import { openContext, withLease } from '../openRun.ts';
import type { RunOutcome } from '../outcome.ts';
import { isReleased } from '../runSteps.ts';
import { FILTER_STEPS } from './steps.ts';

const OPTIONS: RunOptions = { leaveReaders: false, orphanSubjects: true, copy: 'all', autoRollback: false };

/** Has streams hear their subjects by other filters, a window each, as a run of its own: `filters` is what each is to hear. */
export async function changeFilters(environment: RunEnvironment, filters: Ownership): Promise<RunOutcome> {
  return withLease(environment, `apply ${Object.keys(filters).join(', ')}`, async (store, lease) => {
    refuseOpen(await store.openRun());
    const { account, topology } = environment;
    const { live } = readMode(topology, await readLive(account, topology));
    const run = newRun(
      {
        command: 'apply',
        environment: topology.environment.name,
        from: live,
        to: live,
        operator: operatorName(),
        options: OPTIONS,
        filters,
      },
      FILTER_STEPS,
    );
    await store.openNewRun(run);
    return drive(await openContext(environment, store, lease, run));
  });
}

/** `rollback` of an open one: undone while no stream hears by other filters yet; behind that there is only forward. */
export async function takeBackFilters(
  environment: RunEnvironment,
  store: StateStore,
  lease: Lease,
  open: RunDocument,
): Promise<RunOutcome> {
  const context = await openContext(environment, store, lease, open);
  await endOpenWindows(context);
  if (isReleased(context)) {
    throw new OpsError(
      'filters-changed',
      `${Object.keys(open.filters!).join(', ')}: some of them, or all, hear by other filters already (${open.id})`,
      {
        kind: 'refused',
        hint: 'aa-ops apply finishes it; then undo the change in the topology file and apply again',
      },
    );
  }
  open.reason ??= 'rollback was asked for';
  const undone = await takeBack(context);
  return { ...undone, json: { ...undone.json, result: 'done' }, exitCode: 0 };
}
