import { OpsError, type PlannedChange } from '@aa-ops/topology';
import type { Lease } from '../../saga/lease.ts';
import type { RunDocument } from '../../saga/runDocument.ts';
import type { StateStore } from '../../saga/stateStore.ts';
import type { RunEnvironment } from '../context.ts';
import { endOpenWindows } from '../drive.ts';
import { runInPlace, takeBackInPlace } from '../inPlace.ts';
import { openContext } from '../openRun.ts';
import type { RunOutcome } from '../outcome.ts';
import { isReleased } from '../runSteps.ts';
import { REPLACE_STEPS } from './steps.ts';

/** Makes one stream or durable anew, as a run of its own (adr/0015). `change` is one that the plan calls `replace`. */
export const replace = (environment: RunEnvironment, change: PlannedChange): Promise<RunOutcome> =>
  runInPlace(
    environment,
    `replace ${change.name}`,
    {
      command: 'replace',
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

/** `rollback` of an open one: undone while no subject has changed hands, and a durable at any time; behind that there is only forward. */
export async function takeBackReplace(
  environment: RunEnvironment,
  store: StateStore,
  lease: Lease,
  open: RunDocument,
): Promise<RunOutcome> {
  const context = await openContext(environment, store, lease, open);
  await endOpenWindows(context);
  if (isReleased(context)) {
    throw new OpsError(
      'replace-released',
      `${open.replacing!.stream} is half made anew (${open.id}): its messages are in two streams`,
      {
        kind: 'refused',
        hint: 'aa-ops migrate --resume finishes it; then undo the change in the topology file and apply again',
      },
    );
  }
  return takeBackInPlace(context);
}
