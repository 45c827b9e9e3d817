import { setMaxListeners } from 'node:events';
import { DEFAULT_PATIENCE_MS, OpsError, patient } from '@aa-ops/topology';
import { openJournal } from '../saga/journal.ts';
import { type Lease, takeLease } from '../saga/lease.ts';
import type { RunDocument } from '../saga/runDocument.ts';
import { StateStore } from '../saga/stateStore.ts';
import type { RunContext, RunEnvironment } from './context.ts';
import { goesOn } from './goesOn.ts';
import { asOpsError } from './runSteps.ts';

/** Opens the state, takes the lease for the time of `work`, and gives it back however that ends. */
export async function withLease<T>(
  environment: RunEnvironment,
  command: string,
  work: (store: StateStore, lease: Lease) => Promise<T>,
): Promise<T> {
  const store = await StateStore.open(patiently(environment), environment.topology);
  const lease = await takeLease(store, command, environment);
  try {
    await store.heldBy(lease);
    return await work(store, lease);
  } catch (error) {
    throw standing(environment, store, error);
  } finally {
    await lease.release();
  }
}

/** What ends a command while a run is open says so, and what to type: an interruption as well as an error. */
function standing({ signal }: RunEnvironment, store: StateStore, thrown: unknown): unknown {
  const isAborted = signal.aborted && signal.reason instanceof OpsError;
  const error = isAborted ? asOpsError({ signal }, thrown) : thrown;
  const run = store.openRunKnown;
  if (!run || !(error instanceof OpsError)) return error;
  const says = {
    hint: `the run stands where it is: ${goesOn(run)}`,
    details: { ...error.details, run: run.id },
    cause: error,
  };
  if (error.kind === 'interrupted')
    return new OpsError('interrupted', `${error.message}; run ${run.id} is open`, {
      ...says,
      kind: 'interrupted',
    });
  if (error.kind !== 'failed') return error;
  const hint = error.hint === undefined ? says.hint : `${error.hint}\n${says.hint}`;
  return new OpsError(error.code, `${error.message}; run ${run.id} is open`, {
    ...says,
    hint,
    kind: 'partial',
  });
}

/** A run outlives the restart of a server, until somebody presses Ctrl-C. */
const patiently = ({ account, signal }: RunEnvironment) =>
  patient(account, { forMs: DEFAULT_PATIENCE_MS, signal });

/** Everything that the steps of one run work with. */
export async function openContext(
  environment: RunEnvironment,
  store: StateStore,
  lease: Lease,
  run: RunDocument,
): Promise<RunContext> {
  // Who lost the lease waits for nothing any more, as after Ctrl-C.
  const signal = AbortSignal.any([environment.signal, lease.lost]);
  setMaxListeners(0, signal);
  return {
    ...environment,
    signal,
    account: patiently({ ...environment, signal }),
    store,
    lease,
    run,
    journal: await openJournal(store, run.id, lease),
    save: () => store.saveRun(run),
  };
}
