import { DEFAULT_PATIENCE_MS, patient } from '@aa-ops/topology';
import { openJournal } from '../saga/journal.ts';
import { type Lease, takeLease } from '../saga/lease.ts';
import type { RunDocument } from '../saga/runDocument.ts';
import { StateStore } from '../saga/stateStore.ts';
import type { RunContext, RunEnvironment } from './context.ts';

/** Opens the state, takes the lease for the time of `work`, and gives it back however that ends. */
export async function withLease<T>(
  environment: RunEnvironment,
  command: string,
  work: (store: StateStore, lease: Lease) => Promise<T>,
): Promise<T> {
  const store = await StateStore.open(patiently(environment), environment.topology);
  const lease = await takeLease(store, command, environment.signal);
  try {
    return await work(store, lease);
  } finally {
    await lease.release();
  }
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
  return {
    ...environment,
    account: patiently(environment),
    store,
    lease,
    run,
    journal: await openJournal(store, run.id, lease),
    save: () => store.saveRun(run),
  };
}
