import { OpsError, type Workload } from '@aa-ops/topology';
import type { WorkloadState } from '../platform.ts';
import type { KubeApi } from './kubeApi.ts';
import { readDeployment } from './objects.ts';
import { replicaFailure, rolloutStatus } from './rolloutStatus.ts';

/** How a workload's Deployment stands: its replicas, and what would keep a restart from ending well. */
export async function readWorkloadState(api: KubeApi, workload: Workload): Promise<WorkloadState> {
  try {
    const deployment = await readDeployment(api, workload.name);
    const status = rolloutStatus(deployment);
    const replicas = deployment.spec?.replicas ?? 1;
    const problems = [
      ...(deployment.spec?.paused ? ['its rollout is paused'] : []),
      ...(status.state === 'failed' ? [status.says] : []),
      ...(replicaFailure(deployment) === undefined ? [] : [replicaFailure(deployment)!]),
      ...(replicas === 0 ? ['it has no replicas'] : []),
      ...selectorProblem(workload, deployment.spec?.template.metadata?.labels ?? {}),
    ];
    return {
      workload: workload.name,
      replicas,
      ready: deployment.status?.readyReplicas ?? 0,
      problems,
      ...(status.state === 'waiting' ? { underWay: status.says } : {}),
    };
  } catch (error) {
    if (!(error instanceof OpsError && error.code === 'workload-missing')) throw error;
    return { workload: workload.name, replicas: 0, ready: 0, problems: [error.message] };
  }
}

/** Pods that the topology's selector does not find could never be seen to get ready. */
function selectorProblem({ selector }: Workload, labels: Record<string, string>): string[] {
  const wrong = Object.entries(selector).filter(([key, value]) => labels[key] !== value);
  return wrong.map(
    ([key, value]) =>
      `its pods have ${key}=${labels[key] ?? '(none)'}, and the topology selects ${key}=${value}`,
  );
}
