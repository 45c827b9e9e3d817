import { type JetStreamReader, readLive, readMode, type Topology } from '@aa-ops/topology';
import { StateReader } from '../saga/stateStore.ts';

/** What to expect of an account right now. */
export interface ExpectedModes {
  /** Mode of the pods and durables. */
  mode: string;
  /** Mode whose streams own the subjects. */
  ownedIn: string;
}

/**
 * The live mode for both, but for a run that is open: its pods are in the new mode from its `config` step on. An account
 * in no mode is compared with the nearest.
 */
export async function expectedModes(account: JetStreamReader, topology: Topology): Promise<ExpectedModes> {
  const [live, open] = await Promise.all([
    readLive(account, topology),
    new StateReader(account, topology.name).openRun(),
  ]);
  const { reference } = readMode(topology, live);
  if (!open || !topology.modes[open.to]) return { mode: reference, ownedIn: reference };
  const isConfigured = open.steps.some(({ id, startedAt }) => id === 'config' && startedAt !== undefined);
  return { mode: isConfigured && !open.undoing ? open.to : open.from, ownedIn: reference };
}
