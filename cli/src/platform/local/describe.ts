import { resolve } from 'node:path';
import { fetchPods } from './controlClient.ts';
import { holderOf } from './lock.ts';
import { type LocalState, type PodState, readState } from './state.ts';

/** What `dev status` says: where everything is, and how it does. No password, no token. */
export interface LocalStatus {
  schemaVersion: 1;
  dir: string;
  status: LocalState['status'];
  supervisor: number | null;
  nats: { url: string; restarts: number } | null;
  /** The URL holds the password of this throw-away database. */
  postgres: { url: string; restarts: number } | null;
  frontDoor: string | null;
  pods: Omit<PodState, 'process' | 'logOffset'>[];
  /** Why a pod was not ready when it had come up, while any is not. */
  notReady: string | null;
}

/** The platform in `dir` as it is now; `down` when no supervisor runs there, whatever the state file says. */
export async function describePlatform(dir: string): Promise<LocalStatus> {
  const folder = resolve(dir);
  const state = readState(folder);
  const supervisor = holderOf(folder);
  if (!state || !supervisor) {
    const nothing = { supervisor: null, nats: null, postgres: null, frontDoor: null, notReady: null };
    return { schemaVersion: 1, dir, status: 'down', ...nothing, pods: [] };
  }
  const pods = await fetchPods(folder).catch(() => state.pods);
  const server = (it: LocalState['nats']) => (it ? { url: it.url, restarts: it.restarts } : null);
  return {
    schemaVersion: 1,
    dir,
    status: state.status,
    supervisor: supervisor.pid,
    nats: server(state.nats),
    postgres: server(state.postgres),
    frontDoor: state.frontDoor?.url ?? null,
    pods: pods.map(({ process: _process, logOffset: _logOffset, ...pod }) => pod),
    notReady: pods.every((pod) => pod.ready) ? null : (state.notReady ?? null),
  };
}
