import type { V1ContainerStatus, V1Pod } from '@kubernetes/client-node';

/** Why a pod does not get ready. */
export interface PodProblem {
  pod: string;
  container?: string;
  /** Kubernetes' own word: `ImagePullBackOff`, `CrashLoopBackOff`, `CreateContainerConfigError`, `NotReady`. */
  reason: string;
  /** One line with what is known. */
  says: string;
  /**
   * `now` it will not get better by itself · `soon` it may have been a moment's trouble: only if it lasts · `late` it may need
   * its time: the bound of the rollout decides.
   */
  hopeless: 'now' | 'soon' | 'late';
  /** Its container has run and ended: its previous log tells more. */
  hasPrevious: boolean;
}

/** What no waiting heals: the specification itself is wrong. */
const NOW: ReadonlySet<string> = new Set(['InvalidImageName', 'ErrImageNeverPull']);
/** What may heal, when a registry answers again or somebody makes what is missing. */
const SOON: ReadonlySet<string> = new Set([
  'ErrImagePull',
  'ImagePullBackOff',
  'RegistryUnavailable',
  'CreateContainerConfigError',
  'CreateContainerError',
  'RunContainerError',
  'CrashLoopBackOff',
]);
/** Starts that end again and again: from the third on it is no accident. */
const CRASHES = 3;

/** What runs for less than that may still be on its way, ms. */
const STARTING_MS = 5_000;

/** Why this pod is not ready; undefined: it is, or is only on its way, as far as can be seen. */
export function podProblem(pod: V1Pod, now: number = Date.now()): PodProblem | undefined {
  const name = pod.metadata?.name ?? '';
  if (isReady(pod)) return undefined;
  const statuses = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
  for (const status of statuses) {
    const problem = containerProblem(name, status);
    if (problem) return problem;
  }
  const scheduled = pod.status?.conditions?.find(({ type }) => type === 'PodScheduled');
  if (scheduled?.status === 'False') {
    const reason = scheduled.reason ?? 'Unschedulable';
    return {
      pod: name,
      reason,
      says: `${name}: ${reason}: ${scheduled.message ?? ''}`,
      hopeless: 'late',
      hasPrevious: false,
    };
  }
  if (pod.status?.phase === 'Failed') {
    const reason = pod.status.reason ?? 'Failed';
    return {
      pod: name,
      reason,
      says: `${name}: ${reason} ${pod.status.message ?? ''}`.trim(),
      hopeless: 'soon',
      hasPrevious: false,
    };
  }
  const started = statuses.flatMap(({ state }) => state?.running?.startedAt ?? []);
  if (!started.some((at) => now - new Date(at).getTime() >= STARTING_MS)) return undefined;
  return {
    pod: name,
    reason: 'NotReady',
    says: `${name}: runs, and its readiness probe does not succeed`,
    hopeless: 'late',
    hasPrevious: false,
  };
}

function containerProblem(pod: string, status: V1ContainerStatus): PodProblem | undefined {
  const { name: container, state, lastState, restartCount } = status;
  const waiting = state?.waiting;
  const ended = lastState?.terminated ?? state?.terminated;
  const crashes =
    ended && ended.exitCode !== 0 ? `; it ended with ${exitOf(ended)}, ${restartCount} restarts` : '';
  if (waiting?.reason && (NOW.has(waiting.reason) || SOON.has(waiting.reason))) {
    const isLooping = waiting.reason === 'CrashLoopBackOff' && restartCount >= CRASHES;
    const says = waiting.reason === 'CrashLoopBackOff' ? '' : `: ${waiting.message ?? ''}`.replace(/: $/, '');
    return {
      pod,
      container,
      reason: waiting.reason,
      says: `${pod}: ${waiting.reason}${says}${crashes}`,
      hopeless: NOW.has(waiting.reason) || isLooping ? 'now' : 'soon',
      hasPrevious: restartCount > 0,
    };
  }
  if (!crashes) return undefined;
  return {
    pod,
    container,
    reason: 'Crashed',
    says: `${pod}: ${container} crashed${crashes}`,
    hopeless: restartCount >= CRASHES ? 'now' : 'soon',
    hasPrevious: restartCount > 0,
  };
}

const exitOf = ({
  exitCode,
  signal,
  reason,
}: {
  exitCode: number;
  signal?: number;
  reason?: string;
}): string =>
  `${signal ? `signal ${signal}` : `exit code ${exitCode}`}${reason && reason !== 'Error' ? ` (${reason})` : ''}`;

export const isReady = (pod: V1Pod): boolean =>
  pod.metadata?.deletionTimestamp === undefined &&
  (pod.status?.conditions ?? []).some(({ type, status }) => type === 'Ready' && status === 'True');

export const isCrashLooping = (pod: V1Pod): boolean =>
  (pod.status?.containerStatuses ?? []).some(({ state }) => state?.waiting?.reason === 'CrashLoopBackOff');

export const restartsOf = (pod: V1Pod): number =>
  (pod.status?.containerStatuses ?? []).reduce((sum, { restartCount }) => sum + restartCount, 0);
