import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PreviewOptions, Stack } from '@pulumi/pulumi/automation/index.js';
import { connect, type JetStreamManager, type NatsConnection } from 'nats';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openBus, TOPOLOGY_FILE } from '../../../infra/src/bus.ts';
import { defineEventBus } from '../../../infra/src/program.ts';
import type { StackConfig } from '../../../infra/src/stackConfig.ts';
import { aaOps, type CliResult } from '../../support/cli.ts';
import type { Json } from '../../support/cluster/api.ts';
import { type Cluster, useCluster } from '../../support/cluster/useCluster.ts';
import { stackOf } from '../../support/pulumi/registered.ts';
import { type Pulumi, usePulumi } from '../../support/pulumi/usePulumi.ts';

// The staging stack's whole life, in order, with real pods: `up` over a ConfigMap made by hand, again, after a migration's writes, with a
// changed topology, with drift, and `destroy`. The engine is Pulumi's own; the provider may be our stand-in (test/support/pulumi).
let cluster: Cluster;
let pulumi: Pulumi;
let nats: NatsConnection;
let jsm: JetStreamManager;
let database: pg.Pool;
let stack: StackConfig;

const core = '/api/v1/namespaces/staging';
const apps = '/apis/apps/v1/namespaces/staging';
const CONFIG = `${core}/configmaps/event-bus-config`;
const INGEST_TOKEN = 'a-token-that-nobody-may-read-in-the-state';
const MODE = { EVENT_STREAM_MODE: 'single' };

beforeAll(async () => {
  cluster = await useCluster();
  pulumi = await usePulumi(cluster);
  nats = await connect({ servers: cluster.natsUrl });
  jsm = await nats.jetstreamManager();
  database = new pg.Pool({ connectionString: cluster.databaseUrl, max: 1 });
  stack = {
    ...(await stackOf('staging')),
    images: { runtime: 'aa-ops/runtime:test', cli: 'aa-ops/cli:test' },
    operators: { users: ['aa-ops'], groups: [] },
  };
  const secret = (name: string, key: string, value: string): Promise<Json> =>
    cluster.api.post(`${core}/secrets`, { metadata: { name }, stringData: { [key]: value } });
  await secret('athlete-ally-database', 'DATABASE_URL', cluster.podDatabaseUrl);
  await secret('ingest-token', 'INGEST_TOKEN', INGEST_TOKEN);
  // As somebody made it before there was a program.
  await cluster.api.post(`${core}/configmaps?fieldManager=kubectl-create`, {
    metadata: { name: 'event-bus-config' },
    data: MODE,
  });
});
afterAll(async () => {
  await nats?.close();
  await database?.end();
  await cluster?.stop();
});

const open = (topology = TOPOLOGY_FILE): Promise<Stack> =>
  pulumi.stack('staging', async () => ({ ...defineEventBus(await openBus(stack, topology)) }));

/** What a preview would do to each resource that it touches, by name: the operation and the paths that change. */
async function steps(of: Stack, options: PreviewOptions = {}): Promise<Record<string, string>> {
  const seen: Record<string, string> = {};
  await of.preview({
    ...options,
    onEvent: ({ resourcePreEvent }) => {
      if (!resourcePreEvent || ['same', 'refresh'].includes(resourcePreEvent.metadata.op)) return;
      const { op, urn, detailedDiff } = resourcePreEvent.metadata;
      const [type = '', name = ''] = urn.split('::').slice(-2);
      seen[`${type.split(':').at(-1)} ${name}`] = [op, ...Object.keys(detailedDiff ?? {})].join(' ');
    },
  });
  return seen;
}

/** The built CLI as an operator whom the stack names: its rights are those of the program's Role. */
const operate = (args: string[]): Promise<CliResult> =>
  aaOps(
    [
      ...args,
      ...['--topology', TOPOLOGY_FILE, '--env', 'staging', '--server', cluster.natsUrl, '--output', 'json'],
    ],
    {
      env: { KUBECONFIG: cluster.kubeconfigs['aa-ops'], DATABASE_URL: cluster.databaseUrl, INGEST_TOKEN },
      cwd: cluster.dir,
    },
  );

const podsOf = async (app: string): Promise<Json[]> =>
  (await cluster.api.get(`${core}/pods?labelSelector=app%3D${app}`)).items;
const streamNames = async (): Promise<string[]> => {
  const names: string[] = [];
  for await (const { config } of jsm.streams.list()) names.push(config.name);
  return names.filter((it) => !it.startsWith('KV_')).sort();
};
const STREAMS = ['AA_CORE_HOT', 'AA_DLQ', 'AA_VENDOR_HOT', 'ATHLETE_ALLY_EVENTS'];

test('up adopts the ConfigMap, makes the streams and runs ready pods', async () => {
  const before = await cluster.api.get(CONFIG);
  const { outputs } = await (await open()).up();
  const after = await cluster.api.get(CONFIG);
  expect(after.metadata.uid).toBe(before.metadata.uid);
  expect(after.data).toEqual({
    ...MODE,
    FEATURE_SERVICE_MANAGES_STREAMS: 'false',
    FEATURE_SERVICE_MANAGES_CONSUMERS: 'false',
  });
  expect(await streamNames()).toEqual(STREAMS);
  for (const app of ['normalize-service', 'ingest-service']) {
    const { status } = await cluster.api.get(`${apps}/deployments/${app}`);
    expect(status).toMatchObject({ replicas: 2, readyReplicas: 2, updatedReplicas: 2 });
  }
  expect(outputs['namespace']?.value).toBe('staging');
  expect(outputs['next']?.value).toBe('aa-ops status --env staging');
  expect(outputs['services']?.value).toEqual({
    'normalize-service': 'http://normalize-service.staging:4102',
    'ingest-service': 'http://ingest-service.staging:4101',
  });
});

test('a second up changes nothing', async () => {
  const again = await open();
  expect(await steps(again)).toEqual({});
  const { summary } = await again.up();
  expect(Object.keys(summary.resourceChanges ?? {})).toEqual(['same']);
});

test('no secret is in the state', async () => {
  const state = await pulumi.stateOf('staging');
  expect(state).toContain('athlete-ally-database'); // the reference
  const { users } = JSON.parse(await readFile(cluster.kubeconfigs.admin, 'utf8')) as Json;
  const password = new URL(cluster.podDatabaseUrl).password;
  for (const secret of [INGEST_TOKEN, cluster.podDatabaseUrl, password, users[0].user.token].filter(
    Boolean,
  )) {
    expect(state).not.toContain(secret);
    expect(state).not.toContain(Buffer.from(secret).toString('base64'));
  }
});

test('aa-ops migrates with the rights that the program gives it, and pulumi finds nothing to do afterwards', async () => {
  const migrated = await operate(['migrate', '--to', 'multi', '--yes']);
  expect(migrated.code, migrated.stdout + migrated.stderr).toBe(0);
  const restarted = (await cluster.api.get(`${apps}/deployments/ingest-service`)).spec.template.metadata;
  expect(restarted.annotations).toHaveProperty(['kubectl.kubernetes.io/restartedAt']);

  const here = await open();
  expect(await steps(here)).toEqual({});
  expect(await steps(here, { refresh: true })).toEqual({});
  await here.up({ refresh: true });
  expect((await cluster.api.get(CONFIG)).data.EVENT_STREAM_MODE).toBe('multi');
  const { spec } = await cluster.api.get(`${apps}/deployments/ingest-service`);
  expect(spec.template.metadata).toEqual(restarted);
});

test('a changed topology, a folder of files now, runs one new Job and updates the ConfigMap in place, in the mode that it has', async () => {
  const before = await cluster.api.get(CONFIG);
  const folder = join(cluster.dir, 'topology');
  await mkdir(folder);
  const text = await readFile(TOPOLOGY_FILE, 'utf8');
  const flag = /^( *)FEATURE_SERVICE_MANAGES_STREAMS:/m;
  expect(text).toMatch(flag);
  const [bus, pods] = text.replace(flag, "$1NEW_FLAG: 'on'\n$&").split(/^(?=workloads:)/m);
  await writeFile(join(folder, 'bus.yaml'), bus!);
  await writeFile(join(folder, 'pods.yaml'), pods!);
  const changed = await open(folder);
  const seen = await steps(changed);
  expect(seen['ConfigMap event-bus-config']).toBe('update data.NEW_FLAG');
  expect(Object.values(seen).filter((it) => it.startsWith('replace'))).toEqual([]);
  await changed.up();
  const after = await cluster.api.get(CONFIG);
  expect(after.metadata.uid).toBe(before.metadata.uid);
  expect(after.data).toMatchObject({ EVENT_STREAM_MODE: 'multi', NEW_FLAG: 'on' });
  // The pod template changed too: the migration's mark in it stays, as bare `kubectl rollout restart`'s would not.
  const { spec } = await cluster.api.get(`${apps}/deployments/ingest-service`);
  expect(spec.template.metadata.annotations).toHaveProperty(['kubectl.kubernetes.io/restartedAt']);
  const { items } = await cluster.api.get('/apis/batch/v1/namespaces/staging/jobs');
  expect(items).toHaveLength(1);
  expect(items[0].status.succeeded).toBe(1);
  for (const pod of await podsOf('ingest-service')) expect(pod.status.phase).toBe('Running');
  expect(await steps(await open(folder))).toEqual({});
});

test('what was changed by hand is shown by refresh, and by aa-ops drift where it is a stream', async () => {
  await cluster.api.patch(`${apps}/deployments/ingest-service?fieldManager=kubectl-scale`, {
    spec: { replicas: 1 },
  });
  const here = await open();
  const { changeSummary } = await here.previewRefresh();
  expect(changeSummary).toMatchObject({ update: 1 });

  const dlq = await jsm.streams.info('AA_DLQ');
  await jsm.streams.update('AA_DLQ', { ...dlq.config, max_age: 3_600e9 });
  const drift = await operate(['drift']);
  expect(drift.code).toBe(2);
  expect(drift.stdout).toContain('maxAge');
});

test('destroy takes the pods away and leaves streams, messages and rows alone', async () => {
  const kept = async (): Promise<unknown> => {
    const { rows } = await database.query('SELECT * FROM hrv_data ORDER BY 1, 2');
    const states = await Promise.all(STREAMS.map(async (it) => (await jsm.streams.info(it)).state.messages));
    return { rows, states };
  };
  await nats.jetstream().publish('athlete-ally.sleep.kept', 'a message');
  const before = await kept();
  await (await open()).destroy();
  expect(await kept()).toEqual(before);
  expect(await podsOf('normalize-service')).toEqual([]);
  expect((await cluster.api.get(`${apps}/deployments`)).items).toEqual([]);
  expect((await cluster.api.get(`${core}/secrets/athlete-ally-database`)).kind).toBe('Secret');
});
