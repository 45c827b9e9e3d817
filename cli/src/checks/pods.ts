import type { Workload } from '@aa-ops/topology';
import type { Pod } from '../platform/platform.ts';
import { type CheckContext, type Finding, skipped } from './check.ts';

export interface WorkloadPods {
  workload: Workload;
  pods: Pod[];
}

/** The workloads of a role (or all) with the pods that they have now. */
export function readPods(
  { topology, platform }: Pick<CheckContext, 'topology' | 'platform'>,
  role?: Workload['role'],
): Promise<WorkloadPods[]> {
  const wanted = topology.workloads.filter((workload) => role === undefined || workload.role === role);
  return Promise.all(wanted.map(async (workload) => ({ workload, pods: await platform.pods(workload) })));
}

/** Says why a check of pods has nothing to look at, if it has not. */
export function withoutPods(
  { topology, platform }: Pick<CheckContext, 'topology' | 'platform'>,
  role?: Workload['role'],
): Finding | undefined {
  if (platform.kind === 'none') return skipped('platform none, no pods are managed here');
  const some = topology.workloads.some((workload) => role === undefined || workload.role === role);
  return some ? undefined : skipped(`the topology names no ${role ?? 'workload'}`);
}
