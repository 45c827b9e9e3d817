import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { type JetStreamWriter, loadTopology, openWriter, type Topology } from '@aa-ops/topology';
import { type Right, rightsOf } from '../../../cli/src/platform/kubernetes/rights.ts';
import { aaOps, type CliOptions, type CliResult } from '../cli.ts';
import { applyTopology } from '../runs.ts';
import type { Json } from './api.ts';
import type { Identity } from './identities.ts';
import { deploymentOf, INGEST_TOKEN, operatorBinding, operatorRole, serviceOf } from './stagingObjects.ts';
import { until } from './until.ts';
import { type Cluster, useCluster } from './useCluster.ts';

export const TOPOLOGY_FILE = fileURLToPath(new URL('../../../topology/athlete-ally.yaml', import.meta.url));

/** Athlete Ally's staging in a cluster: its topology applied, two pods of each workload, and an operator with the Role. */
export interface Staging {
  cluster: Cluster;
  topology: Topology;
  account: JetStreamWriter;
  /** The built CLI in the environment `staging`, as JSON, from a laptop of `identity`. */
  run(args: readonly string[], options?: CliOptions & { identity?: Identity }): Promise<CliResult>;
  path(kind: string, name?: string): string;
  get(kind: string, name: string): Promise<Json>;
  patch(kind: string, name: string, body: Json): Promise<Json>;
  pods(app: string): Promise<Json[]>;
  /** Replaces the operator's rights. */
  grant(rights: readonly Right[]): Promise<void>;
  rights: Right[];
  mode(): Promise<string>;
  /** `http://<cluster IP>:<port>` of the producer's Service. */
  frontDoor: string;
  untilRolledOut(): Promise<void>;
  stop(): Promise<void>;
}

const GROUPS: Record<string, string> = {
  deployments: '/apis/apps/v1',
  jobs: '/apis/batch/v1',
  roles: '/apis/rbac.authorization.k8s.io/v1',
  rolebindings: '/apis/rbac.authorization.k8s.io/v1',
};
const path = (kind: string, name = ''): string =>
  `${GROUPS[kind] ?? '/api/v1'}/namespaces/staging/${kind}${name && `/${name}`}`;

export async function startStaging(): Promise<Staging> {
  const cluster = await useCluster();
  const loaded = await loadTopology(TOPOLOGY_FILE, 'staging');
  const topology = { ...loaded, environment: { ...loaded.environment, servers: [cluster.natsUrl] } };
  const account = await openWriter({ servers: [cluster.natsUrl] });
  await applyTopology(account, topology);
  const { api } = cluster;
  const configMap = topology.configMap!;
  const rights = rightsOf(topology);
  await api.post(path('configmaps'), {
    metadata: { name: configMap.name },
    data: { ...configMap.data, [configMap.modeKey]: 'single' },
  });
  await api.post(path('serviceaccounts'), { metadata: { name: 'aa-ops' } });
  await api.post(path('roles'), operatorRole(rights));
  await api.post(path('rolebindings'), operatorBinding);
  for (const workload of topology.workloads) {
    await api.post(path('services'), serviceOf(workload));
    await api.post(path('deployments'), deploymentOf(workload, cluster, configMap.name));
  }
  const cwd = mkdtempSync(join(tmpdir(), 'aa-staging-'));
  const producer = topology.workloads.find(({ role }) => role === 'producer')!;
  const { clusterIP } = (await api.get(path('services', producer.name))).spec;
  const staging: Staging = {
    cluster,
    topology,
    account,
    rights,
    frontDoor: `http://${clusterIP}:${producer.port}`,
    run: (args, { identity = 'aa-ops', ...options } = {}) =>
      aaOps(
        [
          ...args,
          '--topology',
          TOPOLOGY_FILE,
          '--env',
          'staging',
          '--server',
          cluster.natsUrl,
          '--yes',
          '-o',
          'json',
        ],
        {
          cwd,
          ...options,
          env: {
            KUBECONFIG: cluster.kubeconfigs[identity],
            DATABASE_URL: cluster.databaseUrl,
            INGEST_TOKEN,
            ...options.env,
          },
        },
      ),
    path,
    get: (kind, name) => api.get(path(kind, name)),
    patch: (kind, name, body) => api.patch(path(kind, name), body),
    pods: async (app) => (await api.get(`${path('pods')}?labelSelector=app%3D${app}`)).items,
    async grant(wanted) {
      await api.patch(path('roles', 'aa-ops'), { rules: operatorRole(wanted).rules });
    },
    mode: async () => (await api.get(path('configmaps', configMap.name))).data[configMap.modeKey],
    async untilRolledOut() {
      for (const { name } of topology.workloads) {
        await until(async () => {
          const { metadata, status } = await api.get(path('deployments', name));
          expect(status).toMatchObject({ replicas: 2, updatedReplicas: 2, availableReplicas: 2 });
          expect(status.observedGeneration).toBe(metadata.generation);
          // One on its way out still takes events, and counts them where nobody looks any more.
          const pods: Json[] = (await api.get(`${path('pods')}?labelSelector=app%3D${name}`)).items;
          expect(pods.filter((pod) => pod.metadata.deletionTimestamp)).toEqual([]);
        });
      }
    },
    async stop() {
      await account.close();
      await cluster.stop();
      rmSync(cwd, { recursive: true, force: true });
    },
  };
  try {
    await staging.untilRolledOut();
  } catch (error) {
    await staging.stop();
    throw error;
  }
  return staging;
}
