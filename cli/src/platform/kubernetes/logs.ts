import type { V1Pod } from '@kubernetes/client-node';
import { statusOf } from './explainApiError.ts';
import type { KubeApi } from './kubeApi.ts';

/** The container that a person means by the pod's log, as for kubectl. */
export const mainContainer = ({ metadata, spec }: V1Pod): string | undefined =>
  metadata?.annotations?.['kubectl.kubernetes.io/default-container'] ?? spec?.containers[0]?.name;

/** The most that is read of one log. */
const LOG_BYTES = 4 << 20;

/**
 * The last lines of a pod's log: of the container that runs now, or of the one before it. None where it has not started yet, where there was
 * none before, or where the pod has gone meanwhile.
 */
export async function readLog(
  api: KubeApi,
  pod: V1Pod,
  {
    tail,
    previous = false,
    container = mainContainer(pod),
  }: { tail: number; previous?: boolean; container?: string | undefined },
): Promise<string[]> {
  const name = pod.metadata!.name!;
  const { namespace } = api.connection;
  const text = await api.ask({ apiGroup: '', verb: 'get', resource: 'pods/log', name }, () =>
    api.core
      .readNamespacedPodLog({
        name,
        namespace,
        tailLines: tail,
        limitBytes: LOG_BYTES,
        previous,
        ...(container ? { container } : {}),
      })
      .catch((error: unknown) => {
        const status = statusOf(error);
        if (status === 400 || status === 404) return '';
        throw error;
      }),
  );
  const lines = String(text ?? '').split('\n');
  if (lines.at(-1) === '') lines.pop();
  return tail > 0 ? lines.slice(-tail) : [];
}
