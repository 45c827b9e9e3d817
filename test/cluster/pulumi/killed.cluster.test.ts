import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Json } from '../../support/cluster/api.ts';
import { until } from '../../support/cluster/until.ts';
import { type Cluster, useCluster } from '../../support/cluster/useCluster.ts';
import { type CommandResult, makeProject, type Project } from '../../support/pulumi/project.ts';
import { type Pulumi, usePulumi } from '../../support/pulumi/usePulumi.ts';

// The user's own command: `pulumi up` with Pulumi.yaml and Pulumi.staging.yaml as they stand, killed in the middle, and what
// docs/infra.md says to do then. The engine is Pulumi's own; language host and provider may be our stand-ins (test/support/pulumi).
let cluster: Cluster;
let pulumi: Pulumi;
let project: Project;
beforeAll(async () => {
  cluster = await useCluster();
  pulumi = await usePulumi(cluster);
  project = await makeProject(cluster, pulumi);
});
afterAll(() => cluster?.stop());

const TIMEOUT = 480_000;
const execute = promisify(execFile);

const kubectl = (...args: string[]) =>
  execute(cluster.tools.kubectl, args, { env: { ...process.env, KUBECONFIG: cluster.kubeconfigs.admin } });
const deployment = (name: string): Promise<Json> =>
  cluster.api.get(`/apis/apps/v1/namespaces/staging/deployments/${name}`);
const ingest = (): Promise<Json> => deployment('ingest-service');
const normalize = (): Promise<Json> => deployment('normalize-service');

async function succeed(...args: string[]): Promise<CommandResult> {
  const result = await project.pulumi(args);
  expect(result.code, result.said).toBe(0);
  return result;
}

/** What the state says was being made, each as `{ urn, inputs }`. */
async function beingMade(): Promise<Json[]> {
  const { checkpoint } = JSON.parse(await pulumi.stateOf('staging')) as Json;
  return (checkpoint.latest.pending_operations ?? []).map((it: Json) => it.resource);
}

/** Ends `up` with SIGKILL once `fact` holds, and shows what that leaves: a lock that keeps the next one out. */
async function killUp(fact: () => Promise<unknown>): Promise<void> {
  const killed = await project.pulumi(['up', '--yes', '--skip-preview'], until(fact));
  expect(killed.signal, killed.said).toBe('SIGKILL');
  const next = await project.pulumi(['up', '--yes', '--skip-preview']);
  expect(next.code).not.toBe(0);
  expect(next.said).toMatch(/the stack is currently locked/);
}

test(
  'killed while the Job runs: cancel, delete the Job that the state does not know, up',
  { timeout: TIMEOUT },
  async () => {
    await succeed('stack', 'init', 'staging');
    let job = '';
    await killUp(async () => {
      const { items } = await cluster.api.get('/apis/batch/v1/namespaces/staging/jobs');
      job = items[0].metadata.name;
    });
    await succeed('cancel', '--yes');
    // The engine makes several at once: what it made beside the Job is in its way as well.
    const beside = (await beingMade()).filter(({ inputs }) => inputs.kind !== 'Job');
    for (const { inputs } of beside)
      await kubectl('delete', inputs.kind, inputs.metadata.name, '-n', 'staging', '--ignore-not-found');

    // What was being made stands and is not in the state: it is not made twice, and not taken over either.
    const twice = await project.pulumi(['up', '--yes', '--skip-preview']);
    expect(twice.said).toMatch(/interrupted while creating/);
    expect(twice.said).toMatch(/exists already/);
    await kubectl('delete', 'job', job);
  },
);

/** Makes the state know a workload's Deployment, under its component. */
async function takeOver(name: string): Promise<void> {
  const of = (type: string, it: string): string => `urn:pulumi:staging::aa-ops::${type}::${it}`;
  await succeed(
    ...['import', 'kubernetes:apps/v1:Deployment', name, `staging/${name}`],
    ...['--parent', `service=${of('aa-ops:index:EventBusService', name)}`],
    ...['--provider', `cluster=${of('pulumi:providers:kubernetes', 'cluster')}`],
    ...['--protect=false', '--generate-code=false', '--skip-preview', '--yes'],
  );
}

test(
  'killed while the Deployments get ready: import works until the next change; deleted, they are made anew',
  { timeout: TIMEOUT },
  async () => {
    await killUp(async () => {
      const deployments = (await beingMade()).filter(({ inputs }) => inputs?.kind === 'Deployment');
      expect(deployments).toHaveLength(2);
      await Promise.all([ingest(), normalize()]);
    });
    await succeed('cancel', '--yes');
    const before = await Promise.all([ingest(), normalize()]);
    for (const { metadata } of before) await takeOver(metadata.name);
    await succeed('refresh', '--yes', '--skip-preview', '--clear-pending-creates');
    expect(await beingMade()).toEqual([]);
    await succeed('up', '--yes', '--skip-preview');
    await succeed('up', '--yes', '--skip-preview', '--expect-no-changes');
    const imported = await Promise.all([ingest(), normalize()]);
    expect(imported.map(({ metadata }) => metadata.uid)).toEqual(before.map(({ metadata }) => metadata.uid));
    for (const { status } of imported) expect(status).toMatchObject({ replicas: 2, readyReplicas: 2 });

    // Each `up` writes under a name of its own, and the killed one's owns every field still.
    await project.configure((stack) => (stack.workloads['ingest-service'].resources.requests.cpu = '150m'));
    const refused = await project.pulumi(['up', '--yes', '--skip-preview']);
    expect(refused.code).not.toBe(0);
    expect(refused.said).toMatch(/conflict with "pulumi-kubernetes-\w+": .*requests\.cpu/);
    for (const name of ['ingest-service', 'normalize-service']) await kubectl('delete', 'deployment', name);
    await succeed('refresh', '--yes', '--skip-preview');
    await succeed('up', '--yes', '--skip-preview');
    await succeed('up', '--yes', '--skip-preview', '--expect-no-changes');
    const { spec, status } = await ingest();
    expect(spec.template.spec.containers[0].resources.requests.cpu).toBe('150m');
    expect(status).toMatchObject({ replicas: 2, readyReplicas: 2 });
    const { said } = await succeed('stack', 'output', 'next');
    expect(said).toContain('aa-ops status --env staging');
  },
);

test('killed in a rollout: cancel, up', { timeout: TIMEOUT }, async () => {
  const { generation } = (await ingest()).metadata;
  await project.configure((stack) => (stack.workloads['ingest-service'].env = { LOG_FORMAT: 'json' }));
  await killUp(async () => {
    if ((await ingest()).metadata.generation === generation) throw new Error('not changed yet');
  });
  await succeed('cancel', '--yes');
  await succeed('up', '--yes', '--skip-preview');
  await succeed('preview', '--expect-no-changes');
  const { spec, status } = await ingest();
  expect(spec.template.spec.containers[0].env).toContainEqual({ name: 'LOG_FORMAT', value: 'json' });
  expect(status).toMatchObject({ replicas: 2, updatedReplicas: 2, availableReplicas: 2 });
});
