import { messageOf, type Topology } from '@aa-ops/topology';
import { LOOK_PATIENCE_MS, openPlatform } from './openPlatform.ts';
import type { Pod } from './platform.ts';

/** The pods of an environment, for `status`. */
export interface PodsView {
  /** `kubernetes staging/staging`; `none` where no pods are managed. */
  platform: string;
  pods: Omit<Pod, 'url'>[];
  /** The mode that the ConfigMap says; null: it says none. */
  configuredMode: string | null;
  /** Why the pods could not be read. */
  unread?: string;
}

/** Throws nothing but the signal's reason: where the account stands is worth telling without the pods. */
export async function describePods(topology: Topology, signal: AbortSignal): Promise<PodsView> {
  const nothing: PodsView = { platform: topology.environment.platform, pods: [], configuredMode: null };
  try {
    const platform = await openPlatform(topology, { signal, patienceMs: LOOK_PATIENCE_MS });
    nothing.platform = platform.name;
    try {
      const [{ mode }, ...pods] = await Promise.all([
        platform.readMode(),
        ...topology.workloads.map((workload) => platform.pods(workload)),
      ]);
      return {
        platform: platform.name,
        pods: pods.flat().map(({ url: _url, ...pod }) => pod),
        configuredMode: mode ?? null,
      };
    } finally {
      await platform.close();
    }
  } catch (error) {
    signal.throwIfAborted();
    return { ...nothing, unread: messageOf(error) };
  }
}
