import {
  PatchStrategy,
  setHeaderOptions,
  type V1ConfigMap,
  type V1Deployment,
  type V1Pod,
} from '@kubernetes/client-node';
import { OpsError, type Workload } from '@aa-ops/topology';
import { statusOf } from './explainApiError.ts';
import type { KubeApi } from './kubeApi.ts';

/** Whoever reads `managedFields` sees who wrote; Pulumi leaves the mode to this name (docs/kubernetes.md). */
export const FIELD_MANAGER = 'aa-ops';

const MERGE = setHeaderOptions('Content-Type', PatchStrategy.MergePatch);
const core = { apiGroup: '' } as const;

/** Undefined: there is none of that name. */
export function readConfigMap(api: KubeApi, name: string): Promise<V1ConfigMap | undefined> {
  const { namespace } = api.connection;
  return api.ask({ ...core, verb: 'get', resource: 'configmaps', name }, () =>
    api.core.readNamespacedConfigMap({ name, namespace }).catch(undefinedIfMissing),
  );
}

export function patchConfigMap(api: KubeApi, name: string, patch: object): Promise<V1ConfigMap> {
  const { namespace } = api.connection;
  return api.ask({ ...core, verb: 'patch', resource: 'configmaps', name }, () =>
    api.core.patchNamespacedConfigMap({ name, namespace, body: patch, fieldManager: FIELD_MANAGER }, MERGE),
  );
}

/** Throws OpsError `workload-missing`. */
export async function readDeployment(api: KubeApi, name: string): Promise<V1Deployment> {
  const { namespace } = api.connection;
  const found = await api.ask({ apiGroup: 'apps', verb: 'get', resource: 'deployments', name }, () =>
    api.apps.readNamespacedDeployment({ name, namespace }).catch(undefinedIfMissing),
  );
  if (found) return found;
  throw new OpsError('workload-missing', `no Deployment ${name} in namespace ${namespace}`, {
    hint: 'a workload of the topology is a Deployment of its name: correct the topology, or make it (pulumi up)',
    details: { workload: name, namespace },
  });
}

export function patchDeployment(api: KubeApi, name: string, patch: object): Promise<V1Deployment> {
  const { namespace } = api.connection;
  return api.ask({ apiGroup: 'apps', verb: 'patch', resource: 'deployments', name }, () =>
    api.apps.patchNamespacedDeployment({ name, namespace, body: patch, fieldManager: FIELD_MANAGER }, MERGE),
  );
}

/** The pods that a workload's selector names, without those that have ended or are on their way out. */
export const listPods = async (api: KubeApi, workload: Workload): Promise<V1Pod[]> =>
  (await listAllPods(api, workload)).filter(
    ({ metadata, status }) => metadata?.deletionTimestamp === undefined && status?.phase !== 'Succeeded',
  );

/** Those that were told to end, and have not yet: they still work what they have, in the mode that they were started in. */
export const listLeavingPods = async (api: KubeApi, workload: Workload): Promise<V1Pod[]> =>
  (await listAllPods(api, workload)).filter(({ metadata }) => metadata?.deletionTimestamp !== undefined);

async function listAllPods(api: KubeApi, workload: Workload): Promise<V1Pod[]> {
  const { namespace } = api.connection;
  const labelSelector = Object.entries(workload.selector)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
  const { items } = await api.ask({ ...core, verb: 'list', resource: 'pods' }, () =>
    api.core.listNamespacedPod({ namespace, labelSelector }),
  );
  return items;
}

/** Messages of what happened to one object, the newest last. */
export async function listEvents(api: KubeApi, object: string): Promise<string[]> {
  const { namespace } = api.connection;
  const { items } = await api.ask({ ...core, verb: 'list', resource: 'events' }, () =>
    api.core.listNamespacedEvent({ namespace, fieldSelector: `involvedObject.name=${object}` }),
  );
  const at = (event: (typeof items)[number]): number =>
    (
      event.lastTimestamp ??
      event.eventTime ??
      event.firstTimestamp ??
      event.metadata.creationTimestamp
    )?.getTime() ?? 0;
  return items
    .toSorted((a, b) => at(a) - at(b))
    .map(
      ({ reason, message, count }) =>
        `${reason}: ${message ?? ''}${(count ?? 1) > 1 ? ` (${count} times)` : ''}`,
    );
}

function undefinedIfMissing(error: unknown): undefined {
  if (statusOf(error) === 404) return undefined;
  throw error;
}
