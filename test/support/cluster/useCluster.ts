import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Access, type ApiClient, openApi } from './api.ts';
import type { Identity } from './identities.ts';
import type { ClusterTools } from './tools.ts';

/** What a test knows of the cluster that `serve.ts` runs for it. */
export interface ClusterDescription {
  /** Logs of etcd, the API server and the controller manager are in `kubernetes/`. */
  dir: string;
  /** admin's */
  access: Access;
  kubeconfigs: Record<Identity, string>;
  /** From this machine. */
  natsUrl: string;
  databaseUrl: string;
  /** From within pods. */
  podNatsUrl: string;
  podDatabaseUrl: string;
  tools: ClusterTools;
  apiServerPid: number;
}

export interface Cluster extends ClusterDescription {
  /** As admin. */
  api: ApiClient;
  stop(): Promise<void>;
}

const SERVE = fileURLToPath(new URL('./serve.ts', import.meta.url));

/** A cluster in a process of its own, which ends with ours. Needs the network namespace that `npm run test:cluster` enters. */
export async function useCluster(): Promise<Cluster> {
  const server = spawn(process.execPath, ['--import', 'tsx', SERVE], { stdio: ['pipe', 'pipe', 'pipe'] });
  let said = '';
  server.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const exited = new Promise<void>((gone) => server.once('exit', () => gone()));
  const file = await Promise.race([
    new Promise<string>((line) => createInterface({ input: server.stdout }).once('line', line)),
    exited.then(() => undefined),
  ]);
  if (!file) throw new Error(`no cluster came up: ${said}`);
  const description = JSON.parse(await readFile(file, 'utf8')) as ClusterDescription;
  const api = openApi(description.access);
  return {
    ...description,
    api,
    async stop() {
      api.close();
      server.stdin.end();
      await exited;
    },
  };
}
