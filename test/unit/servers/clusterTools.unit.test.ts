import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { findClusterTools } from '../../support/cluster/tools.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'aa-ops-tools-'));
  vi.stubEnv('PATH', '');
  vi.stubEnv('XDG_CACHE_HOME', join(folder, 'cache'));
  vi.stubEnv('KUBEBUILDER_ASSETS', '');
  vi.stubEnv('AA_OPS_PULUMI', executable('pulumi'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

function executable(name: string): string {
  const path = join(folder, name);
  writeFileSync(path, '');
  chmodSync(path, 0o755);
  return path;
}
const controlPlane = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kubectl'];
const silent = (): void => {};

test('what the settings name is taken', async () => {
  controlPlane.forEach(executable);
  vi.stubEnv('KUBEBUILDER_ASSETS', folder);
  expect(await findClusterTools(silent)).toEqual({
    etcd: join(folder, 'etcd'),
    kubeApiserver: join(folder, 'kube-apiserver'),
    kubeControllerManager: join(folder, 'kube-controller-manager'),
    kubectl: join(folder, 'kubectl'),
    pulumi: join(folder, 'pulumi'),
  });
});

test('a setting that names nothing is an error, also where PATH has everything', async () => {
  controlPlane.forEach(executable);
  vi.stubEnv('PATH', folder);
  vi.stubEnv('KUBEBUILDER_ASSETS', join(folder, 'nothing'));
  await expect(findClusterTools(silent)).rejects.toMatchObject({
    code: 'cluster-tools-setting-wrong',
    message: expect.stringContaining(
      `${join(folder, 'nothing')}, which has no etcd, kube-apiserver, kube-controller-manager, kubectl`,
    ),
  });
  vi.stubEnv('KUBEBUILDER_ASSETS', folder);
  vi.stubEnv('AA_OPS_PULUMI', join(folder, 'nothing'));
  await expect(findClusterTools(silent)).rejects.toMatchObject({ code: 'cluster-tools-setting-wrong' });
});

test('a control plane on PATH counts only whole, and without Go every way that was tried is said', async () => {
  controlPlane.slice(0, 3).forEach(executable);
  vi.stubEnv('PATH', folder);
  await expect(findClusterTools(silent)).rejects.toMatchObject({
    code: 'cluster-tools-not-found',
    details: {
      tried: [
        'KUBEBUILDER_ASSETS is not set',
        expect.stringContaining('on PATH has not all of'),
        `none in the cache, ${join(folder, 'cache', 'aa-ops')}`,
        'building it: go is not installed',
      ],
    },
  });
  expect(existsSync(join(folder, 'cache', 'aa-ops', 'etcd-3.6.16-linux-x64'))).toBe(false);
  executable('kubectl');
  expect((await findClusterTools(silent)).kubectl).toBe(join(folder, 'kubectl'));
});
