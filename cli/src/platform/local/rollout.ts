import type { RolloutResult } from '../platform.ts';
import type { LocalPod } from './pod.ts';

/** The pods of one workload, and how they are replaced. */
export interface PodSet {
  readonly workload: string;
  /** Also those that are on their way in or out. */
  pods(): LocalPod[];
  /** Starts every replica at once. */
  start(): void;
  /** Waits for all replicas; the problem of one that was not ready in time. */
  untilReady(boundMs: number): Promise<string | undefined>;
  /**
   * Replaces one replica after the other: the new one is ready before the old one goes. When the same `id` was done before: `already`.
   * A new pod that is not ready in time stays beside the old one, as Kubernetes leaves it: `stuck`. Asked again with the id, it goes on.
   */
  restart(id: string, timeoutMs: number, progress: (line: string) => void): Promise<RolloutResult>;
  /** Tells a restart that runs to give up, and ends all pods. */
  end(): Promise<void>;
}

export interface PodSetOptions {
  workload: string;
  replicas: number;
  /** Revision that the first pods get, and restarts done before. */
  history: { revision: number; done: string[] };
  newPod(revision: number, index: number): LocalPod;
  /** Called before a pod is ended, to let go of it gently: no new requests, and those in flight finished. */
  drain(pod: LocalPod): Promise<void>;
  /** Called whenever the history changed. */
  changed(): void;
}

/** How many restarts are remembered. */
const REMEMBERED = 50;

export function podSet(options: PodSetOptions): PodSet {
  const { workload, replicas, history, newPod, drain, changed } = options;
  /** What serves, by replica; and what is to take its place. */
  const current: (LocalPod | undefined)[] = Array.from({ length: replicas });
  const next: (LocalPod | undefined)[] = Array.from({ length: replicas });
  const leaving = new Set<LocalPod>();
  let tail: Promise<unknown> = Promise.resolve();
  let running:
    { id: string; result: Promise<RolloutResult>; listeners: ((line: string) => void)[] } | undefined;
  let unfinished: { id: string; revision: number } | undefined;
  let ended = false;

  async function letGo(pod: LocalPod | undefined): Promise<void> {
    if (!pod) return;
    leaving.add(pod);
    changed();
    await drain(pod);
    await pod.end();
    leaving.delete(pod);
    changed();
  }

  async function replaceAll(
    id: string,
    timeoutMs: number,
    progress: (line: string) => void,
  ): Promise<RolloutResult> {
    const begin = performance.now();
    const elapsed = (): number => Math.round(performance.now() - begin);
    if (history.done.includes(id)) return { status: 'already', ms: elapsed() };
    const revision = unfinished?.id === id ? unfinished.revision : history.revision + 1;
    history.revision = revision;
    unfinished = { id, revision };
    changed();
    for (let index = 0; index < replicas; index++) {
      if (current[index]?.revision === revision) continue;
      if (next[index]?.revision !== revision) {
        const abandoned = next[index];
        next[index] = undefined;
        await letGo(abandoned);
        if (ended) break;
        next[index] = newPod(revision, index);
        changed();
      }
      const pod = next[index]!;
      const isReady = await pod.untilReady(Math.max(0, timeoutMs - elapsed()));
      if (ended) break;
      if (!isReady) {
        const reason = `${pod.name} was not ready within ${timeoutMs} ms: ${pod.problem()}`;
        progress(`${workload}: stuck, ${reason}`);
        return { status: 'stuck', reason, ms: elapsed() };
      }
      const old = current[index];
      current[index] = pod;
      next[index] = undefined;
      await letGo(old);
      progress(`${workload}: ${index + 1} of ${replicas} restarted, ${pod.name} is ready (${elapsed()} ms)`);
    }
    if (ended) return { status: 'stuck', reason: 'the platform is being taken down', ms: elapsed() };
    unfinished = undefined;
    history.done = [...history.done, id].slice(-REMEMBERED);
    changed();
    return { status: 'done', ms: elapsed() };
  }

  const pods = (): LocalPod[] => [...current, ...next, ...leaving].filter((pod) => pod !== undefined);
  return {
    workload,
    pods,
    start() {
      for (let index = 0; index < replicas; index++) current[index] = newPod(history.revision, index);
      changed();
    },
    async untilReady(boundMs) {
      const results = await Promise.all(
        current.map(async (pod) => ((await pod!.untilReady(boundMs)) ? undefined : pod!)),
      );
      const late = results.find((pod) => pod !== undefined);
      return late && `${late.name} was not ready within ${boundMs} ms: ${late.problem()}`;
    },
    restart(id, timeoutMs, progress) {
      if (running?.id === id) {
        running.listeners.push(progress);
        return running.result;
      }
      const listeners = [progress];
      const tell = (line: string): void => listeners.forEach((listener) => listener(line));
      const result = tail
        .then(() => replaceAll(id, timeoutMs, tell))
        .finally(() => {
          if (running?.listeners === listeners) running = undefined;
        });
      running = { id, result, listeners };
      tail = result.catch(() => {});
      return result;
    },
    async end() {
      ended = true;
      await Promise.all(pods().map((pod) => pod.end()));
      await tail;
      await Promise.all(pods().map((pod) => pod.end()));
    },
  };
}
