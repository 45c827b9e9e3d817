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

/** POST to a producer's Service through the API server. That keeps `authorization` for itself. */
export const postToDoor = (
  api: KubeApi,
  producer: Workload,
  path: string,
  headers: Record<string, string>,
  body: string,
): Promise<{ status: number; body: string }> =>
  api.proxy(
    { apiGroup: '', verb: 'create', resource: 'services/proxy', name: frontDoorName(producer) },
    { path, method: 'POST', headers, body },
  );
