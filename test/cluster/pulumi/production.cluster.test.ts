import { readFile, writeFile } from 'node:fs/promises';
import type { Server } from 'node:net';
import { join } from 'node:path';
import { nkeys } from 'nats';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type JetStreamWriter, openWriter } from '@aa-ops/topology';
import { aaOps } from '../../support/cli.ts';
import type { Json } from '../../support/cluster/api.ts';
import { writeKubeconfig } from '../../support/cluster/identities.ts';
import { forward, HOST_IP } from '../../support/cluster/network.ts';
import { TOPOLOGY_FILE } from '../../support/cluster/staging.ts';
import { until } from '../../support/cluster/until.ts';
import { type Cluster, useCluster } from '../../support/cluster/useCluster.ts';
import { prometheusKinds } from '../../support/pulumi/prometheusKinds.ts';
import { type CommandResult, makeProject, type Project } from '../../support/pulumi/project.ts';
import { usePulumi } from '../../support/pulumi/usePulumi.ts';
import { type NatsCluster, startNatsCluster } from '../../support/servers.ts';

// Pulumi.production.yaml as it stands, by the user's own command: another context and namespace, which enforces the restricted Pod Security
// Standard, three NATS servers that ask for credentials, three pods of each workload, and the Prometheus operator's kinds.
let cluster: Cluster;
let nats: NatsCluster;
let account: JetStreamWriter;
let project: Project;
let kubeconfig: string;
let creds: string;
const doors: Server[] = [];

const NAMESPACE = '/api/v1/namespaces/production';
const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

beforeAll(async () => {
  cluster = await useCluster();
  const { api, access, dir } = cluster;
  await api.post('/api/v1/namespaces', {
    metadata: { name: 'production', labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
  });
  for (const kind of prometheusKinds) await api.post(CRDS, kind);
  await until(() => api.get('/apis/monitoring.coreos.com/v1/namespaces/production/prometheusrules'));

  const user = nkeys.createUser();
  const text = credentials(new TextDecoder().decode(user.getSeed()));
  creds = join(dir, 'production.creds');
  await writeFile(creds, text, { mode: 0o600 });
  nats = await startNatsCluster(3, {
    config: `authorization { users: [ { nkey: ${user.getPublicKey()} } ] }`,
  });
  account = await until(() => openWriter({ servers: nats.urls, credsFile: creds }));
  // It asks for credentials, so its own start could not see whether it takes streams of three.
  await until(() =>
    account.api('STREAM.CREATE.PROBE', { name: 'PROBE', num_replicas: 3, storage: 'memory' }),
  );
  await account.api('STREAM.DELETE.PROBE');
  await serveNats();

  kubeconfig = await writeKubeconfig(join(dir, 'production.kubeconfig'), access, 'production', 'production');
  const asProduction = { ...cluster, kubeconfigs: { ...cluster.kubeconfigs, admin: kubeconfig } };
  project = await makeProject(asProduction, await usePulumi(asProduction), 'production');
  await api.post(`${NAMESPACE}/secrets`, {
    metadata: { name: 'nats-credentials' },
    stringData: { 'user.creds': text },
  });
});
afterAll(async () => {
  await account?.close();
  for (const door of doors) door.close();
  await cluster?.stop();
  await nats?.stop();
});

/** A file as `nsc` writes it. These servers know users by their key alone: nobody reads the token. */
const credentials = (seed: string): string => `-----BEGIN NATS USER JWT-----
nobody.reads.this
------END NATS USER JWT------

-----BEGIN USER NKEY SEED-----
${seed}
------END USER NKEY SEED------
`;

/** `nats.production:4222` of the topology: a Service without a selector, its endpoints the three servers, which are no pods. */
async function serveNats(): Promise<void> {
  await cluster.api.post(`${NAMESPACE}/services`, {
    metadata: { name: 'nats' },
    spec: { ports: [{ name: 'client', port: 4222 }] },
  });
  for (const { port } of nats.servers) {
    doors.push(await forward(HOST_IP, port, () => ({ host: '127.0.0.1', port })));
    await cluster.api.post('/apis/discovery.k8s.io/v1/namespaces/production/endpointslices', {
      metadata: { name: `nats-${port}`, labels: { 'kubernetes.io/service-name': 'nats' } },
      addressType: 'IPv4',
      ports: [{ name: 'client', port }],
      endpoints: [{ addresses: [HOST_IP], conditions: { ready: true } }],
    });
  }
}

async function succeed(...args: string[]): Promise<CommandResult> {
  const result = await project.pulumi(args);
  expect(result.code, result.said).toBe(0);
  return result;
}
const kindsOf = async (path: string): Promise<string[]> =>
  (await cluster.api.get(path)).items.map((it: Json) => it.metadata.name).sort();

test('up makes all of it: streams on three servers, three ready pods of each workload, monitoring', async () => {
  await succeed('stack', 'init', 'production');
  await succeed('up', '--yes', '--skip-preview');
  for (const app of ['normalize-service', 'ingest-service']) {
    const { status } = await cluster.api.get(`/apis/apps/v1/namespaces/production/deployments/${app}`);
    expect(status).toMatchObject({ replicas: 3, readyReplicas: 3, updatedReplicas: 3 });
  }
  for (const stream of ['ATHLETE_ALLY_EVENTS', 'AA_CORE_HOT', 'AA_VENDOR_HOT', 'AA_DLQ'])
    expect((await account.stream(stream))?.config.num_replicas, stream).toBe(3);
  const monitoring = '/apis/monitoring.coreos.com/v1/namespaces/production';
  expect(await kindsOf(`${monitoring}/servicemonitors`)).toEqual(['ingest-service', 'normalize-service']);
  expect(await kindsOf(`${monitoring}/prometheusrules`)).toEqual(['event-bus']);
  expect(await kindsOf(`${NAMESPACE}/configmaps`)).toContain('event-bus-dashboard');
  const config = await cluster.api.get(`${NAMESPACE}/configmaps/event-bus-config`);
  expect(config.data.EVENT_STREAM_MODE).toBe('single');
}, 480_000);

test('a second up changes nothing, and what stands is what the state says', async () => {
  await succeed('up', '--yes', '--skip-preview', '--expect-no-changes');
  await succeed('preview', '--refresh', '--expect-no-changes');
}, 240_000);

test('aa-ops finds no drift there', async () => {
  const drift = await aaOps(
    [
      'drift',
      '--topology',
      TOPOLOGY_FILE,
      '--env',
      'production',
      '--server',
      nats.urls[0]!,
      '--creds',
      creds,
    ],
    { env: { KUBECONFIG: kubeconfig }, cwd: cluster.dir },
  );
  expect(drift.code, drift.stdout + drift.stderr).toBe(0);
});

test('destroy is refused before anything is deleted: production is protected', async () => {
  const { code, said } = await project.pulumi(['destroy', '--yes']);
  expect(code).not.toBe(0);
  expect(said).toMatch(/event-bus-config.*protected|protected.*event-bus-config/s);
  await succeed('up', '--yes', '--skip-preview', '--expect-no-changes');
}, 240_000);

test('destroy takes the pods away once the ConfigMap is unprotected, as docs/infra.md says, and leaves the streams', async () => {
  const docs = await readFile(new URL('../../../docs/infra.md', import.meta.url), 'utf8');
  const [, urn] = /^pulumi state unprotect '([^']+)'/m.exec(docs)!;
  await succeed('state', 'unprotect', urn!, '--yes');
  await succeed('destroy', '--yes', '--skip-preview');
  expect(await kindsOf('/apis/apps/v1/namespaces/production/deployments')).toEqual([]);
  expect(await kindsOf(`${NAMESPACE}/configmaps`)).not.toContain('event-bus-config');
  expect(await account.stream('AA_DLQ')).toBeDefined();
}, 240_000);
