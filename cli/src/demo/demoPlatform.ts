import { chmodSync } from 'node:fs';
import {
  applyPlan,
  type ConnectSettings,
  type Host,
  type JetStreamWriter,
  loadTopology,
  makePlan,
  openWriter,
  type Topology,
} from '@aa-ops/topology';
import { type LocalPlatformHandle, startLocalPlatform } from '../platform/local/index.ts';
import { makeTempDir } from '../servers/index.ts';
import { shippedFile } from './shippedFile.ts';
import { startSweeper } from './sweeper.ts';

/** The whole system in a temporary folder, its topology applied. */
export interface DemoPlatform {
  dir: string;
  topology: Topology;
  settings: ConnectSettings;
  account: JetStreamWriter;
  local: LocalPlatformHandle;
  /** Takes everything down and removes the folder. */
  stop(): Promise<void>;
}

/** Throws what kept it from starting, after taking down what had started. */
export async function startDemoPlatform({
  host,
  signal,
}: {
  host: Host;
  signal: AbortSignal;
}): Promise<DemoPlatform> {
  const shipped = await loadTopology(shippedFile('topology/athlete-ally.yaml'), 'local');
  const dir = makeTempDir('demo');
  chmodSync(dir, 0o711); // as root, PostgreSQL runs as another account and has to pass
  const sweeper = startSweeper(dir);
  let local: LocalPlatformHandle | undefined;
  let account: JetStreamWriter | undefined;
  const stop = async (): Promise<void> => {
    await account?.close();
    await local?.stop();
    await sweeper.sweep();
  };
  try {
    local = await startLocalPlatform({
      dir,
      workloads: shipped.workloads,
      ...(shipped.configMap ? { config: shipped.configMap.data } : {}),
      ports: { nats: 'any', postgres: 'any', frontDoor: 'any' },
      onReady: ({ natsUrl }) => applyTopology({ servers: [natsUrl] }, shipped, host, signal),
      // Later on the runbook itself tells what restarts.
      onProgress: (message) => !local && host.notify({ level: 'info', code: 'platform', message }),
      signal,
    });
    if (local.notReady) host.notify({ level: 'warn', code: 'pods-not-ready', message: local.notReady });
    const settings = { servers: [local.natsUrl] };
    account = await openWriter(settings);
    const environment = { ...shipped.environment, servers: settings.servers };
    return { dir, topology: { ...shipped, environment }, settings, account, local, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** What `aa-ops apply` does on an empty account: everything of the initial mode. */
async function applyTopology(
  settings: ConnectSettings,
  topology: Topology,
  host: Host,
  signal: AbortSignal,
): Promise<void> {
  const account = await openWriter(settings);
  try {
    const plan = await makePlan(account, topology);
    await applyPlan(account, plan, { host, signal, allowDestructive: false });
  } finally {
    await account.close();
  }
}
