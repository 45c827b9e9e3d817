import { setTimeout as pause } from 'node:timers/promises';
import type { KubeClient } from './client.ts';
import type { Loose } from './object.ts';

/** Why an object is not ready yet, undefined once it is; `failed` says that waiting is in vain. */
interface Verdict {
  waitsFor: string;
  failed?: boolean;
}

const conditionOf = (it: Loose, type: string): Loose =>
  it.status?.conditions?.find((condition: Loose) => condition.type === type);

/** Readiness of the kinds that the program waits for; the real provider knows more (Services, Pods, volumes). */
export function verdictOf(it: Loose): Verdict | undefined {
  if (it.metadata.annotations?.['pulumi.com/skipAwait'] === 'true') return undefined;
  if (it.kind === 'Job') {
    if (conditionOf(it, 'Complete')?.status === 'True') return undefined;
    const failed = conditionOf(it, 'Failed');
    if (failed?.status === 'True') return { waitsFor: `the Job failed: ${failed.message}`, failed: true };
    return { waitsFor: 'the Job to complete' };
  }
  if (it.kind === 'Deployment') {
    const { replicas } = it.spec;
    const {
      observedGeneration = 0,
      updatedReplicas = 0,
      availableReplicas = 0,
      replicas: all = 0,
    } = it.status ?? {};
    const progressing = conditionOf(it, 'Progressing');
    if (observedGeneration < it.metadata.generation) return { waitsFor: 'the rollout to begin' };
    if (progressing?.reason === 'ProgressDeadlineExceeded')
      return { waitsFor: progressing.message, failed: true };
    if (updatedReplicas < replicas || availableReplicas < replicas || all > replicas)
      return {
        waitsFor: `${replicas} updated and available pods, ${updatedReplicas} and ${availableReplicas} are`,
      };
  }
  return undefined;
}

/** Waits until the object is ready: it as it then stands, and why not where it never got so. */
export async function awaitReady(
  client: KubeClient,
  made: Loose,
  boundMs: number,
): Promise<{ live: Loose; problem?: string }> {
  const deadline = performance.now() + boundMs;
  let live = made;
  for (;;) {
    const verdict = verdictOf(live);
    if (!verdict) return { live };
    if (verdict.failed || performance.now() > deadline) return { live, problem: verdict.waitsFor };
    await pause(200);
    live = (await client.find(made)) ?? live;
  }
}
