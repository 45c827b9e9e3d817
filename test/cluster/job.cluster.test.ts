import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunJson } from '../../cli/src/runbook/runDocumentJson.ts';
import type { Json } from '../support/cluster/api.ts';
import { jobOfDocs } from '../support/cluster/jobOfDocs.ts';
import { type Staging, startStaging, TOPOLOGY_FILE } from '../support/cluster/staging.ts';
import { INGEST_TOKEN } from '../support/cluster/stagingObjects.ts';
import { until } from '../support/cluster/until.ts';

// The CLI as a Job in the cluster, by docs/kubernetes.md: its service account instead of a kubeconfig, pods at their own addresses.
let staging: Staging;
beforeAll(async () => {
  staging = await startStaging();
  await staging.cluster.api.patch(staging.path('serviceaccounts', 'aa-ops'), {
    automountServiceAccountToken: false, // as the Pulumi program makes it
  });
  await staging.cluster.api.post(staging.path('configmaps'), {
    metadata: { name: 'topology' },
    data: { 'athlete-ally.yaml': await readFile(TOPOLOGY_FILE, 'utf8') },
  });
});
afterAll(() => staging?.stop());

/** The Job of docs/kubernetes.md with another command and account, and the servers and the image of this cluster. */
async function jobOf(name: string, args: string[], serviceAccountName: string): Promise<Json> {
  const { podNatsUrl, podDatabaseUrl } = staging.cluster;
  const job = await jobOfDocs();
  const { metadata, spec } = job.spec.template;
  // What the NetworkPolicies let in to the pods; nothing enforces them here.
  expect(metadata.labels).toEqual({ 'app.kubernetes.io/name': 'aa-ops' });
  const [container] = spec.containers;
  const common = container.args.slice(container.args.indexOf('--env'));
  Object.assign(spec, { serviceAccountName });
  Object.assign(container, {
    image: 'aa-ops/cli:test',
    args: [...args, ...common, '--output', 'json'],
    env: [
      { name: 'NATS_URL', value: podNatsUrl },
      { name: 'DATABASE_URL', value: podDatabaseUrl },
      { name: 'INGEST_TOKEN', value: INGEST_TOKEN },
    ],
  });
  return { ...job, metadata: { name } };
}

/** Runs a Job to its end; what it said, and whether it succeeded. */
async function runJob(
  name: string,
  args: string[],
  account = 'aa-ops',
): Promise<{ succeeded: boolean; log: string }> {
  await staging.cluster.api.post(staging.path('jobs'), await jobOf(name, args, account));
  const { status } = await until(async () => {
    const job = await staging.get('jobs', name);
    expect((job.status.succeeded ?? 0) + (job.status.failed ?? 0)).toBe(1);
    return job;
  });
  const selector = `?labelSelector=job-name%3D${name}`;
  const [pod] = (await staging.cluster.api.get(`${staging.path('pods')}${selector}`)).items;
  const log = await staging.cluster.api.get(`${staging.path('pods', pod.metadata.name)}/log`);
  return {
    succeeded: status.succeeded === 1,
    log: String(typeof log === 'string' ? log : JSON.stringify(log)),
  };
}

const documentOf = (log: string): RunJson =>
  JSON.parse(log.slice(log.indexOf('{\n'), log.lastIndexOf('}') + 1)) as RunJson;

test('a Job migrates staging and another rolls it back', async () => {
  const forward = await runJob('migrate', ['migrate', '--to', 'multi']);
  expect(forward.succeeded, forward.log).toBe(true);
  expect(forward.log).toContain('pods: kubernetes in-cluster/staging');
  expect(documentOf(forward.log)).toMatchObject({ result: 'done', to: 'multi', shortcomings: [] });
  expect(await staging.mode()).toBe('multi');
  const back = await runJob('rollback', ['rollback']);
  expect(back.succeeded, back.log).toBe(true);
  expect(documentOf(back.log)).toMatchObject({ result: 'done', to: 'single', shortcomings: [] });
  expect(await staging.mode()).toBe('single');
});

test('in the cluster it needs none of the proxy rights', async () => {
  await staging.grant(staging.rights.filter(({ isRemote }) => !isRemote));
  const preflight = await runJob('preflight', ['preflight']);
  expect(preflight.succeeded, preflight.log).toBe(true);
});

test('with the default service account it is refused', async () => {
  const refused = await runJob('refused', ['migrate', '--to', 'multi'], 'default');
  expect(refused.succeeded).toBe(false);
  expect(refused.log).toContain('patch deployments.apps normalize-service');
  expect(await staging.mode()).toBe('single');
});
