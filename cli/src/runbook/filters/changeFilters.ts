import { OpsError, type Ownership } from '@aa-ops/topology';
import type { Lease } from '../../saga/lease.ts';
import type { RunDocument } from '../../saga/runDocument.ts';
import type { StateStore } from '../../saga/stateStore.ts';
import type { RunEnvironment } from '../context.ts';
import { endOpenWindows } from '../drive.ts';
import { runInPlace, takeBackInPlace } from '../inPlace.ts';
import { openContext } from '../openRun.ts';
import type { RunOutcome } from '../outcome.ts';
import { isReleased } from '../runSteps.ts';
import { FILTER_STEPS } from './steps.ts';

/** Has streams hear their subjects by other filters, a window each, as a run of its own: `filters` is what each is to hear. */
export const changeFilters = (environment: RunEnvironment, filters: Ownership): Promise<RunOutcome> =>
  runInPlace(
    environment,
    `apply ${Object.keys(filters).join(', ')}`,
    { command: 'apply', filters },
    FILTER_STEPS,
  );

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
  return takeBackInPlace(context);
}
