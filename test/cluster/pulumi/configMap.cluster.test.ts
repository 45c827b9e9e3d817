import * as k8s from '@pulumi/kubernetes';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Json } from '../../support/cluster/api.ts';
import { type Cluster, useCluster } from '../../support/cluster/useCluster.ts';
import { type Pulumi, usePulumi } from '../../support/pulumi/usePulumi.ts';

// One ConfigMap, two writers: each row of the table in docs/infra.md, on a real API server. The engine is Pulumi's own; where the real
// provider is not on PATH, ours stands in for it (test/support/pulumi).
let cluster: Cluster;
let pulumi: Pulumi;
beforeAll(async () => {
  cluster = await useCluster();
  pulumi = await usePulumi(cluster);
});
afterAll(() => cluster?.stop());

const PATH = '/api/v1/namespaces/staging/configmaps';
const MODE = 'EVENT_STREAM_MODE';

interface Program {
  /** Absent: the program does not declare the key. */
  mode?: string;
  ignored?: boolean;
  mutable?: boolean;
  other: string;
}

const programOf =
  (name: string, { mode, ignored = false, mutable = true, other }: Program) =>
  async (): Promise<void> => {
    const provider = new k8s.Provider('cluster', { namespace: 'staging', enableConfigMapMutable: mutable });
    new k8s.core.v1.ConfigMap(
      name,
      { metadata: { name }, data: { ...(mode ? { [MODE]: mode } : {}), OTHER: other } },
      { provider, ignoreChanges: ignored ? [`data.${MODE}`] : [] },
    );
  };

/** What aa-ops does: a patch under a name of its own, on the version that it has read. */
async function patchAsOperator(name: string): Promise<void> {
  const { metadata } = await cluster.api.get(`${PATH}/${name}`);
  await cluster.api.patch(`${PATH}/${name}?fieldManager=aa-ops`, {
    metadata: { resourceVersion: metadata.resourceVersion },
    data: { [MODE]: 'multi' },
  });
}

/** What a runbook of shell blocks does. */
async function patchBare(name: string): Promise<void> {
  const patch = JSON.stringify({ data: { [MODE]: 'multi' } });
  await promisify(execFile)(cluster.tools.kubectl, ['patch', 'configmap', name, '--patch', patch], {
    env: { ...process.env, KUBECONFIG: cluster.kubeconfigs.admin },
  });
}

const stands = (name: string): Promise<Json> => cluster.api.get(`${PATH}/${name}`);

/** `up`, somebody else's patch, and another `up` in which another key has changed. */
async function withPatchBetween(
  name: string,
  program: Omit<Program, 'other'>,
  patch: (name: string) => Promise<void>,
) {
  const stack = await pulumi.stack(name, programOf(name, { ...program, other: 'one' }));
  await stack.up();
  const before = await stands(name);
  await patch(name);
  expect((await stands(name)).data[MODE]).toBe('multi');
  const next = await pulumi.stack(name, programOf(name, { ...program, other: 'two' }));
  const changes = await next.preview().then(
    ({ changeSummary }) => changeSummary,
    () => undefined,
  );
  const failure = await next.up().then(
    () => undefined,
    (error: Error) => error.message,
  );
  return { before, after: await stands(name), changes, failure };
}

describe('after somebody else has written the mode', () => {
  test('declared, ignored, mutable, patched as aa-ops: the mode survives and nothing is replaced', async () => {
    const { before, after, changes, failure } = await withPatchBetween(
      'the-way',
      { mode: 'single', ignored: true },
      patchAsOperator,
    );
    expect(failure).toBeUndefined();
    expect(changes).toEqual({ update: 1, same: 2 });
    expect(after.data).toEqual({ [MODE]: 'multi', OTHER: 'two' });
    expect(after.metadata.uid).toBe(before.metadata.uid);
  });

  test('declared, not ignored, patched as aa-ops: up is refused with the name of the other writer', async () => {
    const { after, failure } = await withPatchBetween('conflict', { mode: 'single' }, patchAsOperator);
    expect(failure).toMatch(/conflict with "aa-ops"/);
    expect(after.data).toEqual({ [MODE]: 'multi', OTHER: 'one' });
  });

  test('declared, not ignored, bare kubectl patch: silently back to single', async () => {
    const { after, failure } = await withPatchBetween('taken-back', { mode: 'single' }, patchBare);
    expect(failure).toBeUndefined();
    expect(after.data).toEqual({ [MODE]: 'single', OTHER: 'two' });
  });

  test('not declared, bare kubectl patch: the key is deleted', async () => {
    const { after, failure } = await withPatchBetween('deleted', {}, patchBare);
    expect(failure).toBeUndefined();
    expect(after.data).toEqual({ OTHER: 'two' });
  });

  test('without enableConfigMapMutable it is replaced, with the mode of the program', async () => {
    const { before, after, changes, failure } = await withPatchBetween(
      'replaced',
      { mode: 'single', ignored: true, mutable: false },
      patchAsOperator,
    );
    expect(failure).toBeUndefined();
    expect(changes).toMatchObject({ replace: 1, same: 2 });
    expect(after.data).toEqual({ [MODE]: 'single', OTHER: 'two' });
    expect(after.metadata.uid).not.toBe(before.metadata.uid);
  });
});
