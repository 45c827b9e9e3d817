import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Json } from '../../support/cluster/api.ts';
import { until } from '../../support/cluster/until.ts';
import { type Cluster, useCluster } from '../../support/cluster/useCluster.ts';
import { type CommandResult, makeProject, type Project } from '../../support/pulumi/project.ts';
import { usePulumi } from '../../support/pulumi/usePulumi.ts';

// The user's own command: `pulumi up` with Pulumi.yaml and Pulumi.staging.yaml as they stand, killed in the middle, and what
// docs/infra.md says to do then. The engine is Pulumi's own; language host and provider may be our stand-ins (test/support/pulumi).
let cluster: Cluster;
let project: Project;
beforeAll(async () => {
  cluster = await useCluster();
  project = await makeProject(cluster, await usePulumi(cluster));
});
afterAll(() => cluster?.stop());

const TIMEOUT = 480_000;
const execute = promisify(execFile);

const ingest = (): Promise<Json> =>
  cluster.api.get('/apis/apps/v1/namespaces/staging/deployments/ingest-service');

async function succeed(...args: string[]): Promise<CommandResult> {
  const result = await project.pulumi(args);
  expect(result.code, result.said).toBe(0);
  return result;
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

    // What was being made stands and is not in the state: it is not made twice, and not taken over either.
    const twice = await project.pulumi(['up', '--yes', '--skip-preview']);
    expect(twice.said).toMatch(/interrupted while creating/);
    expect(twice.said).toMatch(/exists already/);
    await execute(cluster.tools.kubectl, ['delete', 'job', job], {
      env: { ...process.env, KUBECONFIG: cluster.kubeconfigs.admin },
    });
    await succeed('up', '--yes', '--skip-preview');
    await succeed('up', '--yes', '--skip-preview', '--expect-no-changes');
    expect((await ingest()).status).toMatchObject({ replicas: 2, readyReplicas: 2 });
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
