import { setTimeout as pause } from 'node:timers/promises';
import { OpsError, type Workload } from '@aa-ops/topology';
import type { Pod } from '../platform.ts';
import type { KubeApi } from './kubeApi.ts';
import { frontDoorName } from './rights.ts';

const GET_TIMEOUT_MS = 5_000;

/** GET of a pod's service port: at its own address where we run beside it, else through the API server; a network that keeps us out counts as elsewhere. */
export async function getFromPod(
  api: KubeApi,
  pod: Pod,
  port: number,
  path: string,
): Promise<{ status: number; body: string }> {
  const viaProxy = (): Promise<{ status: number; body: string }> =>
    api.proxy({ apiGroup: '', verb: 'get', resource: 'pods/proxy', name: `${pod.name}:${port}` }, { path });
  if (!pod.url) return viaProxy();
  try {
    const response = await fetch(new URL(path, pod.url), { signal: AbortSignal.timeout(GET_TIMEOUT_MS) });
    return { status: response.status, body: await response.text() };
  } catch (direct) {
    // A NetworkPolicy, or a pod that does not listen: the API server's answer tells which, for whoever may ask it.
    return viaProxy().catch((error: unknown) => {
      throw error instanceof OpsError && error.code === 'kubernetes-forbidden' ? direct : error;
    });
  }
}

/** An API server that has just started, and endpoints that have just changed, know their way a moment later. */
const DOOR_MS = 10_000;
const KNOCK_EVERY_MS = 500;

/** POST to a producer's Service through the API server. That keeps `authorization` for itself. */
export async function postToDoor(
  api: KubeApi,
  producer: Workload,
  path: string,
  headers: Record<string, string>,
  body: string,
): Promise<{ status: number; body: string }> {
  const asked = {
    apiGroup: '',
    verb: 'create',
    resource: 'services/proxy',
    name: frontDoorName(producer),
  } as const;
  const deadline = performance.now() + DOOR_MS;
  for (;;) {
    try {
      return await api.proxy(asked, { path, method: 'POST', headers, body });
    } catch (error) {
      const isUnreachable = error instanceof OpsError && error.code === 'pod-unreachable';
      if (!isUnreachable || performance.now() > deadline) throw error;
      await pause(KNOCK_EVERY_MS);
    }
  }
}
