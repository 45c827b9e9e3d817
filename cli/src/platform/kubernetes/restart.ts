import { setTimeout as pause } from 'node:timers/promises';
import type { V1Deployment, V1Pod } from '@kubernetes/client-node';
import { OpsError, type Workload } from '@aa-ops/topology';
import type { RolloutOptions, RolloutResult } from '../platform.ts';
import { gatherEvidence } from './evidence.ts';
import type { KubeApi } from './kubeApi.ts';
import { listLeavingPods, listPods, patchDeployment, readDeployment } from './objects.ts';
import { type PodProblem, podProblem } from './podProblem.ts';
import { replicaFailure, rolloutStatus } from './rolloutStatus.ts';

/** kubectl's own annotation: `kubectl rollout history` and people look for it. */
export const RESTARTED_AT = 'kubectl.kubernetes.io/restartedAt';
/** Which restart the template comes from. It stands in each of its pods, too: so they are known from those before. */
export const RESTART_ID = 'aa-ops/restart-id';

export interface RolloutPace {
  lookEveryMs: number;
  /** ms that a trouble which may pass has to last. */
  lastsMs: number;
}

/** ms in place of 15 s: the cluster's tests meet many rollouts that are stuck. */
const LASTS = 'AA_OPS_TEST_TROUBLE_LASTS_MS';
const PACE: RolloutPace = { lookEveryMs: 300, lastsMs: Number(process.env[LASTS]) || 15_000 };
/** A line at least so often, so that nobody takes it for hanging. */
const SAY_EVERY_MS = 10_000;

/**
 * Restarts a Deployment by the annotation that kubectl uses, and waits for its rollout by kubectl's rules. The restart carries its
 * `id` in the template: asked for again, by whomever, it is only waited for. Ends early where its pods cannot get ready.
 */
export async function restartDeployment(
  api: KubeApi,
  workload: Workload,
  id: string,
  options: RolloutOptions,
  pace: RolloutPace = PACE,
): Promise<RolloutResult> {
  const begun = performance.now();
  const elapsed = (): number => Math.round(performance.now() - begun);
  const standing = await readDeployment(api, workload.name);
  const wasAsked = restartIdOf(standing) === id;
  if (wasAsked && rolloutStatus(standing).state === 'done') return { status: 'already', ms: elapsed() };
  if (!wasAsked) {
    refusePaused(standing);
    // One value for all tries: an answer that went missing is no second restart.
    const annotations = { [RESTARTED_AT]: new Date().toISOString(), [RESTART_ID]: id };
    await patchDeployment(api, workload.name, { spec: { template: { metadata: { annotations } } } });
    options.onProgress(`${workload.name}: restart ${id} begun`);
  }
  const stuckBy = await untilRolledOut(api, workload, id, options, pace, elapsed);
  if (stuckBy === undefined) {
    await untilOldOnesAreGone(api, workload, id, options, pace);
    return { status: 'done', ms: elapsed() };
  }
  const { reason, details } = await gatherEvidence(api, workload, stuckBy.says, stuckBy.problem);
  options.onProgress(`${workload.name}: stuck, ${reason}`);
  return { status: 'stuck', reason, details, ms: elapsed() };
}

/** Kubernetes' own grace for a pod's end, and a little more. */
const LEAVING_MS = 35_000;

/**
 * kubectl calls a rollout done while the last old pod is still on its way out, and working in the old mode. What is checked next is to
 * be the new pods' doing. One that does not end is Kubernetes' to end, and no reason to stop.
 */
async function untilOldOnesAreGone(
  api: KubeApi,
  workload: Workload,
  id: string,
  { timeoutMs, signal, onProgress }: RolloutOptions,
  { lookEveryMs }: RolloutPace,
): Promise<void> {
  const deadline = performance.now() + Math.min(LEAVING_MS, timeoutMs);
  for (let told = false; performance.now() < deadline; told = true) {
    const leaving = (await listLeavingPods(api, workload)).filter(
      ({ metadata }) => metadata?.annotations?.[RESTART_ID] !== id,
    );
    if (leaving.length === 0) return;
    const names = leaving.map(({ metadata }) => metadata?.name).join(', ');
    if (!told) onProgress(`${workload.name}: waiting for the end of ${names}`);
    await pause(lookEveryMs, undefined, signal ? { signal } : {}).catch(() => signal?.throwIfAborted());
  }
}

const restartIdOf = ({ spec }: V1Deployment): string | undefined =>
  spec?.template.metadata?.annotations?.[RESTART_ID];

function refusePaused({ metadata, spec }: V1Deployment): void {
  if (!spec?.paused) return;
  throw new OpsError(
    'rollout-paused',
    `the rollout of ${metadata?.name} is paused: a restart would never begin`,
    {
      hint: `kubectl rollout resume deployment/${metadata?.name}`,
    },
  );
}

interface Stuck {
  says: string;
  problem?: PodProblem | undefined;
}

async function untilRolledOut(
  api: KubeApi,
  workload: Workload,
  id: string,
  { timeoutMs, signal, onProgress }: RolloutOptions,
  { lookEveryMs, lastsMs }: RolloutPace,
  elapsed: () => number,
): Promise<Stuck | undefined> {
  const trouble = new Lasting();
  let said = '';
  let saidAt = 0;
  for (;;) {
    signal?.throwIfAborted();
    const deployment = await readDeployment(api, workload.name);
    const pods = (await listPods(api, workload)).filter(
      (pod) => pod.metadata?.annotations?.[RESTART_ID] === id,
    );
    const status = rolloutStatus(deployment);
    if (restartIdOf(deployment) !== id)
      return { says: `somebody else replaced restart ${id} of ${workload.name} by another` };
    if (status.state === 'done') {
      onProgress(
        `${workload.name}: ${deployment.spec?.replicas ?? 1} of ${deployment.spec?.replicas ?? 1} restarted and ready (${elapsed()} ms)`,
      );
      return undefined;
    }
    const problem = worst(pods);
    if (status.state === 'failed') return { says: status.says, problem };
    if (problem?.hopeless === 'now') return { says: problem.says, problem };
    const failure = replicaFailure(deployment);
    const passing = problem?.hopeless === 'soon' ? problem.says : failure;
    if (trouble.lasts(passing !== undefined) >= lastsMs) return { says: passing!, problem };
    if (elapsed() >= timeoutMs) {
      const because = problem?.says ?? failure ?? status.says;
      return { says: `not rolled out within ${timeoutMs} ms: ${because}`, problem };
    }
    const line = [status.says, problem?.says ?? failure].filter(Boolean).join('; ');
    if (line !== said || elapsed() - saidAt >= SAY_EVERY_MS) {
      onProgress(`${workload.name}: ${line} (${elapsed()} ms)`);
      [said, saidAt] = [line, elapsed()];
    }
    await pause(lookEveryMs, undefined, signal ? { signal } : {}).catch(() => signal?.throwIfAborted());
  }
}

const RANK = { now: 0, soon: 1, late: 2 } as const;

const worst = (pods: readonly V1Pod[]): PodProblem | undefined =>
  pods.flatMap((pod) => podProblem(pod) ?? []).toSorted((a, b) => RANK[a.hopeless] - RANK[b.hopeless])[0];

/** For how long something has been so without a pause, ms. */
class Lasting {
  private since: number | undefined;

  lasts(isSo: boolean): number {
    if (!isSo) this.since = undefined;
    else this.since ??= performance.now();
    return this.since === undefined ? 0 : performance.now() - this.since;
  }
}
