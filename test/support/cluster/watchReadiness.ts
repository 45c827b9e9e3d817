import type { Json } from './api.ts';
import type { Staging } from './staging.ts';

/** Everything that readiness went through, judged by what a rollout may do. */
export interface ReadinessWatch {
  /** What no rollout should do: a ready pod that stopped being ready without being taken away, or too few of them. */
  faults: string[];
  stop(): void;
}

/** Watches the pods and Deployments of all workloads: each pod once ready stays so until it is told to go, and two are always available. */
export function watchReadiness({ cluster, topology, path }: Staging, atLeast = 2): ReadinessWatch {
  const faults: string[] = [];
  const wasReady = new Set<string>();
  const names = new Set(topology.workloads.map(({ name }) => name));
  const pods = cluster.api.watch(path('pods'), (type, pod: Json) => {
    if (type === 'DELETED' || pod.metadata.deletionTimestamp || !names.has(pod.metadata.labels?.app)) return;
    const ready = pod.status.conditions?.some((it: Json) => it.type === 'Ready' && it.status === 'True');
    if (ready) wasReady.add(pod.metadata.name);
    else if (wasReady.has(pod.metadata.name)) faults.push(`${pod.metadata.name} stopped being ready`);
  });
  const deployments = cluster.api.watch(path('deployments'), (type, { metadata, status }: Json) => {
    if (type === 'DELETED' || !names.has(metadata.name)) return;
    const available = status.availableReplicas ?? 0;
    if (available < atLeast) faults.push(`${metadata.name}: only ${available} available`);
  });
  return {
    faults,
    stop() {
      pods.stop();
      deployments.stop();
    },
  };
}
