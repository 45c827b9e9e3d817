import { createHmac } from 'node:crypto';
import type { V1Pod } from '@kubernetes/client-node';
import { OpsError, type Topology, type Workload } from '@aa-ops/topology';
import type { Platform, Pod } from '../platform.ts';
import { missingRights } from './access.ts';
import { mergeConfigMap } from './configMap.ts';
import { type Connection, openConnection } from './connection.ts';
import { type KubeApi, type KubeApiOptions, openKubeApi } from './kubeApi.ts';
import { readLog } from './logs.ts';
import { listPods, readConfigMap } from './objects.ts';
import { getFromPod, postToDoor } from './podHttp.ts';
import { isCrashLooping, isReady, restartsOf } from './podProblem.ts';
import { restartDeployment, type RolloutPace } from './restart.ts';
import { rightsOf } from './rights.ts';
import { readWorkloadState } from './workloadState.ts';

export interface KubernetesOptions extends KubeApiOptions {
  /** How a rollout is followed; tests are less patient. */
  pace?: RolloutPace;
  /** Base URL of the front door, for an Ingress that leads there; else pods' addresses or the API server. */
  frontDoor?: string | undefined;
}

/** The pods of an environment on Kubernetes, from a laptop or from a pod. Nothing is asked before it is needed. */
export function openKubernetesPlatform(topology: Topology, options: KubernetesOptions = {}): Platform {
  const connection = openConnection(topology.environment);
  return platformAt(topology, openKubeApi(connection, options), options);
}

/** The same over a connection that stands. */
export function platformAt(topology: Topology, api: KubeApi, options: KubernetesOptions = {}): Platform {
  const { connection } = api;
  const { configMap, workloads } = topology;
  const portOf = (pod: Pod): number => workloads.find(({ name }) => name === pod.workload)!.port;
  const producer = workloads.find(({ role }) => role === 'producer');
  const podsOf = async (workload: Workload): Promise<Pod[]> =>
    (await listPods(api, workload)).map((pod) => toPod(pod, workload, connection));
  const post = producer && {
    post: (path: string, headers: Record<string, string>, body: string) => {
      const secret = process.env['INGEST_HMAC_SECRET'];
      const signature = secret && {
        'x-signature': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
      };
      return postToDoor(api, producer, path, { ...headers, ...signature }, body);
    },
  };
  return {
    kind: 'kubernetes',
    name: `kubernetes ${connection.context ?? 'in-cluster'}/${connection.namespace}`,
    async readMode() {
      const data = configMap ? ((await readConfigMap(api, configMap.name))?.data ?? {}) : {};
      return { mode: configMap && data[configMap.modeKey], data };
    },
    async writeConfig(data) {
      if (!configMap)
        throw new OpsError('config-map-missing', 'the topology names no ConfigMap', {
          hint: 'set configMap in the topology',
        });
      await mergeConfigMap(api, configMap.name, data);
    },
    pods: podsOf,
    restart: (workload, id, rollout) => restartDeployment(api, workload, id, rollout, options.pace),
    async logs(workload, { tail, sinceStart }) {
      const pods = await listPods(api, workload);
      return Promise.all(
        pods.map(async (pod) => {
          const before =
            sinceStart || restartsOf(pod) === 0 ? [] : await readLog(api, pod, { tail, previous: true });
          const lines = [...before, ...(await readLog(api, pod, { tail }))];
          return { pod: pod.metadata!.name!, lines: lines.slice(-tail) };
        }),
      );
    },
    get: (pod, path) => getFromPod(api, pod, portOf(pod), path),
    async frontDoor() {
      if (options.frontDoor) return options.frontDoor;
      if (!producer) return undefined;
      if (!connection.isInCluster) return `${connection.server}/ (service ${producer.name})`;
      return (await podsOf(producer)).find(({ ready, url }) => ready && url)?.url;
    },
    ...(post && !options.frontDoor && !connection.isInCluster ? post : {}),
    missingRights: () =>
      missingRights(
        api,
        rightsOf(topology).filter(({ isRemote }) => !(isRemote && connection.isInCluster)),
      ),
    workloadState: (workload) => readWorkloadState(api, workload),
    databaseUrl: async () => undefined,
    natsUrl: async () => undefined,
    close: async () => {},
  };
}

function toPod(pod: V1Pod, workload: Workload, { isInCluster }: Connection): Pod {
  const running = pod.status?.containerStatuses?.[0]?.state?.running?.startedAt;
  const address = pod.status?.podIP;
  return {
    name: pod.metadata!.name!,
    workload: workload.name,
    ready: isReady(pod),
    restarts: restartsOf(pod),
    startedAt: new Date(running ?? pod.status?.startTime ?? pod.metadata!.creationTimestamp!).toISOString(),
    crashLoop: isCrashLooping(pod),
    ...(isInCluster && address
      ? { url: `http://${address.includes(':') ? `[${address}]` : address}:${workload.port}` }
      : {}),
  };
}
