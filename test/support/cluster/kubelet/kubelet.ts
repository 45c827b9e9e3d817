import { hostname } from 'node:os';
import { freePort } from '../../servers.ts';
import { type ApiClient, ApiError, type Json } from '../api.ts';
import { startLogServer } from './logServer.ts';
import { PodWorker, type Surroundings } from './podWorker.ts';

export interface Kubelet {
  stop(): Promise<void>;
}

export const NODE = 'process-node';

/**
 * A kubelet and scheduler of processes: it takes every pod that nobody has, and runs its containers as processes of this
 * machine, each with a network and a root of its own. Not there: exec, port-forward, init containers, resource limits.
 */
export async function startKubelet(
  around: Surroundings,
  certificate: { cert: string; key: string },
): Promise<Kubelet> {
  const { api } = around;
  const workers = new Map<string, PodWorker>();
  const port = await freePort();
  const logs = await startLogServer(certificate, port, (namespace, pod, container, previous) =>
    [...workers.values()].find((it) => it.isCalled(namespace, pod))?.log(container, previous),
  );
  await registerNode(api, port);
  const pods = api.watch('/api/v1/pods', (type, pod) => {
    const { uid } = pod.metadata;
    const worker = workers.get(uid);
    if (type === 'DELETED') {
      void worker?.end(0);
      workers.delete(uid);
    } else if (worker) worker.update(pod);
    else if (!pod.spec.nodeName) void bind(api, pod);
    else if (isOver(pod)) void removeIfDeleted(api, pod);
    else {
      const started = new PodWorker(around, pod);
      workers.set(uid, started);
      started.update(pod);
    }
  });
  return {
    async stop() {
      pods.stop();
      await Promise.all([...workers.values()].map((it) => it.end(0)));
      logs.closeAllConnections();
      await new Promise((closed) => logs.close(closed));
    },
  };
}

const isOver = (pod: Json): boolean => ['Succeeded', 'Failed'].includes(pod.status?.phase);

async function removeIfDeleted(api: ApiClient, pod: Json): Promise<void> {
  const { namespace, name, uid, deletionTimestamp } = pod.metadata;
  if (!deletionTimestamp) return;
  await api
    .delete(`/api/v1/namespaces/${namespace}/pods/${name}`, { gracePeriodSeconds: 0, preconditions: { uid } })
    .catch(() => {});
}

/** Puts a pod on our node, and tries again where the API server was away; somebody else's node, or none to put, is fine. */
async function bind(api: ApiClient, pod: Json): Promise<void> {
  const { namespace, name } = pod.metadata;
  if (pod.metadata.deletionTimestamp) return removeIfDeleted(api, pod);
  const binding = {
    apiVersion: 'v1',
    kind: 'Binding',
    metadata: { name },
    target: { apiVersion: 'v1', kind: 'Node', name: NODE },
  };
  for (let tries = 0; tries < 600; tries++) {
    try {
      await api.post(`/api/v1/namespaces/${namespace}/pods/${name}/binding`, binding);
      return;
    } catch (error) {
      if (error instanceof ApiError && (error.status === 404 || error.status === 409)) return;
      await new Promise((again) => setTimeout(again, 100));
    }
  }
}

async function registerNode(api: ApiClient, port: number): Promise<void> {
  const labels = { 'kubernetes.io/hostname': hostname(), 'topology.kubernetes.io/zone': 'here' };
  await api.post('/api/v1/nodes', { apiVersion: 'v1', kind: 'Node', metadata: { name: NODE, labels } });
  const capacity = { cpu: '64', memory: '256Gi', pods: '500' };
  const at = new Date().toISOString();
  await api.patch(`/api/v1/nodes/${NODE}/status`, {
    status: {
      capacity,
      allocatable: capacity,
      conditions: [
        {
          type: 'Ready',
          status: 'True',
          reason: 'KubeletReady',
          lastHeartbeatTime: at,
          lastTransitionTime: at,
        },
      ],
      addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
      daemonEndpoints: { kubeletEndpoint: { Port: port } },
      nodeInfo: {
        machineID: '',
        systemUUID: '',
        bootID: '',
        kernelVersion: '',
        osImage: 'processes',
        containerRuntimeVersion: 'process://1',
        kubeletVersion: 'v1.36.3',
        kubeProxyVersion: '',
        operatingSystem: 'linux',
        architecture: process.arch === 'x64' ? 'amd64' : process.arch,
      },
    },
  });
  // The API server taints every node not ready until a controller that we leave out says otherwise.
  await api.patch(`/api/v1/nodes/${NODE}`, { spec: { taints: null } });
}
