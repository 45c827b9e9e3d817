import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Stack } from '@pulumi/pulumi/automation/index.js';
import { runtime } from '@pulumi/pulumi';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openBus, TOPOLOGY_FILE } from '../../../infra/src/bus.ts';
import { defineEventBus } from '../../../infra/src/program.ts';
import type { RunJson } from '../../../cli/src/runbook/runDocumentJson.ts';
import { aaOps } from '../../support/cli.ts';
import type { Json } from '../../support/cluster/api.ts';
import { INGEST_TOKEN } from '../../support/cluster/stagingObjects.ts';
import { type Cluster, useCluster } from '../../support/cluster/useCluster.ts';
import { makePrerequisites } from '../../support/pulumi/project.ts';
import { stackOf } from '../../support/pulumi/registered.ts';
import { type Pulumi, usePulumi } from '../../support/pulumi/usePulumi.ts';

// Somebody restarts pods with kubectl, in the middle of a migration and behind it, and then Pulumi changes a label. kubectl, API server and
// engine are real; what the provider does with kubectl's fields is ours where the real one is not on PATH (test/support/pulumi).
let cluster: Cluster;
let pulumi: Pulumi;
beforeAll(async () => {
  cluster = await useCluster();
  pulumi = await usePulumi(cluster);
  await makePrerequisites(cluster, 'staging', true);
  await (await stackWith('before')).up();
});
afterAll(() => cluster?.stop());

const RESTARTED_AT = 'kubectl.kubernetes.io/restartedAt';
const execute = promisify(execFile);
const kubectl = (...args: string[]) =>
  execute(cluster.tools.kubectl, args, { env: { ...process.env, KUBECONFIG: cluster.kubeconfigs.admin } });

/** Staging's program; only a label of its Deployments says which version of it. */
async function stackWith(label: string): Promise<Stack> {
  const stack = {
    ...(await stackOf('staging')),
    images: { runtime: 'aa-ops/runtime:test', cli: 'aa-ops/cli:test' },
    operators: { users: ['aa-ops'], groups: [] },
  };
  return pulumi.stack('staging', async () => {
    runtime.registerStackTransformation(({ type, props, opts }) => {
      if (type !== 'kubernetes:apps/v1:Deployment') return undefined;
      const { metadata } = props as Json;
      return { props: { ...props, metadata: { ...metadata, labels: { ...metadata.labels, label } } }, opts };
    });
    return { ...defineEventBus(await openBus(stack)) };
  });
}

const deployment = (name: string): Promise<Json> =>
  cluster.api.get(`/apis/apps/v1/namespaces/staging/deployments/${name}`);
const revisionOf = ({ metadata }: Json): number =>
  Number(metadata.annotations['deployment.kubernetes.io/revision']);
const restartedAt = ({ spec }: Json): string | undefined => spec.template.metadata.annotations[RESTARTED_AT];
const configMap = (): Promise<Json> =>
  cluster.api.get('/api/v1/namespaces/staging/configmaps/event-bus-config');

/** `up` with nothing but another label: what it changed, and the Deployments before and behind it. */
async function relabel(label: string): Promise<Record<'normalize' | 'ingest', [Json, Json]>> {
  const all = (): Promise<[Json, Json]> =>
    Promise.all([deployment('normalize-service'), deployment('ingest-service')]);
  const [stack, config, before] = await Promise.all([stackWith(label), configMap(), all()]);
  expect((await stack.preview()).changeSummary).toEqual({ update: 2, same: expect.any(Number) });
  await stack.up();
  expect(await configMap()).toEqual(config);
  const after = await all();
  for (const [index, it] of after.entries()) {
    expect(it.metadata.labels.label).toBe(label);
    expect(it.metadata.uid).toBe(before[index]!.metadata.uid);
    expect(it.status).toMatchObject({ replicas: 2, updatedReplicas: 2, availableReplicas: 2 });
  }
  expect((await stack.preview()).changeSummary).toEqual({ same: expect.any(Number) });
  return { normalize: [before[0], after[0]], ingest: [before[1], after[1]] };
}

test('a bare kubectl rollout restart in the middle of a migration: it waits for that one, too, and ends well', async () => {
  let restarted: Promise<unknown> | undefined;
  const { code, stdout, stderr } = await aaOps(
    ['migrate', '--to', 'multi', '--yes', '--topology', TOPOLOGY_FILE, '--env', 'staging'].concat([
      '--server',
      cluster.natsUrl,
      '--output',
      'json',
    ]),
    {
      env: { KUBECONFIG: cluster.kubeconfigs['aa-ops'], DATABASE_URL: cluster.databaseUrl, INGEST_TOKEN },
      cwd: cluster.dir,
      onProgress(line) {
        if (/^normalize-service: restart .* begun/.test(line))
          restarted ??= kubectl('rollout', 'restart', 'deployment/normalize-service');
      },
    },
  );
  await restarted;
  expect(code, stdout + stderr).toBe(0);
  expect(JSON.parse(stdout) as RunJson).toMatchObject({ result: 'done', to: 'multi', shortcomings: [] });
  const { metadata, spec } = await deployment('normalize-service');
  const owner = metadata.managedFields.find((it: Json) => it.manager === 'kubectl-rollout');
  expect(JSON.stringify(owner.fieldsV1)).toContain(`f:${RESTARTED_AT}`);
  expect(spec.template.metadata.annotations).toHaveProperty(['aa-ops/restart-id']);
  expect((await configMap()).data.EVENT_STREAM_MODE).toBe('multi');
});

test('a label by Pulumi: no replace, the mode stays; what aa-ops restarted stays, what kubectl restarted is restarted once more', async () => {
  const { normalize, ingest } = await relabel('after-the-migration');
  // aa-ops owns its mark, so nothing of the template changes.
  expect(restartedAt(ingest[1])).toBe(restartedAt(ingest[0]));
  expect(revisionOf(ingest[1])).toBe(revisionOf(ingest[0]));
  // kubectl's is taken over by the provider as if somebody had applied it, and taken away because the program does not say it.
  expect(restartedAt(normalize[0])).toBeDefined();
  expect(restartedAt(normalize[1])).toBeUndefined();
  expect(revisionOf(normalize[1])).toBe(revisionOf(normalize[0]) + 1);
  // Once: the next one finds nothing of it.
  const again = await relabel('once-more');
  expect(revisionOf(again.normalize[1])).toBe(revisionOf(normalize[1]));
});

test('kubectl rollout restart --field-manager aa-ops is not restarted again', async () => {
  await kubectl('rollout', 'restart', 'deployment/normalize-service', '--field-manager', 'aa-ops');
  await kubectl('rollout', 'status', 'deployment/normalize-service', '--timeout=120s');
  const { normalize } = await relabel('by-hand');
  expect(restartedAt(normalize[0])).toBeDefined();
  expect(restartedAt(normalize[1])).toBe(restartedAt(normalize[0]));
  expect(revisionOf(normalize[1])).toBe(revisionOf(normalize[0]));
});
