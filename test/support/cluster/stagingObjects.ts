import type { Topology } from '@aa-ops/topology';
import { type Right, roleRules } from '../../../cli/src/platform/kubernetes/rights.ts';
import type { Json } from './api.ts';
import type { ClusterDescription } from './useCluster.ts';

/** What the front door asks for. */
export const INGEST_TOKEN = 'staging-token-of-the-tests';

/** Every pod of staging's workloads, as a spec: two of each, rolled out without ever going below two. */
export function deploymentOf(
  { name, role, port, selector }: Topology['workloads'][number],
  cluster: Pick<ClusterDescription, 'podNatsUrl' | 'podDatabaseUrl'>,
  configMap: string,
): Json {
  const command = role === 'consumer' ? 'aa-normalize' : 'aa-ingest';
  const probe = { periodSeconds: 1, failureThreshold: 3, timeoutSeconds: 5 };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      replicas: 2,
      progressDeadlineSeconds: 180,
      selector: { matchLabels: selector },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
      template: {
        metadata: { labels: selector },
        spec: {
          terminationGracePeriodSeconds: 30,
          containers: [
            {
              name,
              image: 'aa-ops/runtime:test',
              command: ['node', `dist/${command}.js`],
              envFrom: [{ configMapRef: { name: configMap } }],
              env: [
                { name: 'NATS_URL', value: cluster.podNatsUrl },
                { name: 'DATABASE_URL', value: cluster.podDatabaseUrl },
                { name: 'TELEMETRY_ENABLED', value: 'false' },
                { name: 'PORT', value: String(port) },
                ...(role === 'producer' ? [{ name: 'INGEST_TOKEN', value: INGEST_TOKEN }] : []),
              ],
              ports: [{ containerPort: port, name: 'http' }],
              readinessProbe: { httpGet: { path: '/readyz', port: 'http' }, ...probe },
              livenessProbe: { httpGet: { path: '/livez', port: 'http' }, ...probe, failureThreshold: 30 },
              // Endpoints follow a pod's end with a delay: nobody is refused meanwhile.
              lifecycle: { preStop: { sleep: { seconds: 1 } } },
            },
          ],
        },
      },
    },
  };
}

export const serviceOf = ({ name, port, selector }: Topology['workloads'][number]): Json => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name },
  spec: { selector, ports: [{ name: 'http', port, targetPort: 'http' }] },
});

/** The operator's Role, made of the rights that the port says it uses. */
export const operatorRole = (rights: readonly Right[]): Json => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'Role',
  metadata: { name: 'aa-ops' },
  rules: roleRules(rights),
});

/** Two people and the service account of a Job. */
export const operatorBinding: Json = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'RoleBinding',
  metadata: { name: 'aa-ops' },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'aa-ops' },
  subjects: [
    { kind: 'User', name: 'aa-ops', apiGroup: 'rbac.authorization.k8s.io' },
    { kind: 'User', name: 'aa-ops-2', apiGroup: 'rbac.authorization.k8s.io' },
    { kind: 'ServiceAccount', name: 'aa-ops', namespace: 'staging' },
  ],
};
