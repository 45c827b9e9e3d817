import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeTempDir, startNats, startPostgres } from '../servers.ts';
import { startCluster } from './startCluster.ts';
import { findClusterTools } from './tools.ts';

/**
 * A whole cluster as a process of its own, so that no busy test keeps its kubelet waiting: writes what there is to know as one JSON document
 * to stdout, and takes everything down once its stdin ends. Started by `useCluster` and by `npm run cluster`.
 */
const say = (line: string): boolean => process.stderr.write(`cluster: ${line}\n`);
const root = fileURLToPath(new URL('../../../', import.meta.url));
const images = {
  'aa-ops/runtime': join(root, 'dist/images/runtime'),
  'aa-ops/cli': join(root, 'dist/images/cli'),
};

const tools = await findClusterTools(say);
const dir = makeTempDir('cluster');
const started = performance.now();
const [cluster, nats, postgres] = await Promise.all([
  startCluster({ dir: join(dir, 'kubernetes'), tools, images }),
  startNats({}),
  startPostgres({}),
]);
const natsPort = Number(new URL(nats.url).port);
const databaseUrl = new URL(postgres.url);
await cluster.expose('staging-nats', natsPort, 4222);
await cluster.expose('staging-postgres', Number(databaseUrl.port), 5432);
say(`up in ${Math.round(performance.now() - started)} ms`);

const podDatabaseUrl = new URL(postgres.url);
podDatabaseUrl.host = 'staging-postgres:5432';
const description = {
  dir,
  apiServerPid: cluster.apiServerPid(),
  access: cluster.access('admin'),
  kubeconfigs: cluster.kubeconfigs,
  natsUrl: nats.url,
  databaseUrl: postgres.url,
  podNatsUrl: 'nats://staging-nats:4222',
  podDatabaseUrl: podDatabaseUrl.href,
  tools,
};
const file = join(dir, 'cluster.json');
await writeFile(file, JSON.stringify(description), { mode: 0o600 });
process.stdout.write(`${file}\n`);

let stopping = false;
function stop(): void {
  if (stopping) return;
  stopping = true;
  void takeDown().finally(() => process.exit());
}
async function takeDown(): Promise<void> {
  await cluster.stop();
  await nats.stop();
  await postgres.stop();
  await rm(dir, { recursive: true, force: true });
}
process.stdin.on('end', stop).on('error', stop).resume();
process.on('SIGINT', stop).on('SIGTERM', stop);
