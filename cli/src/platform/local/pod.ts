import { statSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { messageOf } from '@aa-ops/topology';
import { type Child, describeExit, freePorts, startChild } from '../../servers/index.ts';
import { MODE_KEY } from './configMap.ts';
import type { Program } from './programs.ts';
import { markOf, type PodState } from './state.ts';

export interface PodSpec {
  name: string;
  workload: string;
  revision: number;
  program: Program;
  /** Read at each start, as a container's environment is. */
  environment(): Record<string, string>;
  logFile: string;
}

/** One pod: a process that is started again, with back-off, whenever it ends. */
export interface LocalPod {
  readonly name: string;
  readonly revision: number;
  readonly ready: boolean;
  state(): PodState;
  /** Waits until it is ready; false once `boundMs` is over or the pod is told to end. */
  untilReady(boundMs: number): Promise<boolean>;
  /** Why it is not ready, for people. */
  problem(): string;
  /** SIGTERM, then SIGKILL after Kubernetes' 30 s. */
  end(): Promise<void>;
}

const GRACE_MS = 30_000;
/** A process that ends within this time after its start has crashed at its start. */
const QUICK_MS = 10_000;
const CRASH_LOOP_EXITS = 3;
const BACKOFF_MS = { first: 200, most: 10_000 };
const PROBE_MS = { starting: 50, ready: 250, timeout: 1_000 };
/** Probes in a row that must fail before a ready pod counts as not ready (a refused connection counts at once). */
const FAILURES = 3;

/** Starts the pod; `changed` is called at every change of its state. */
export function startPod(spec: PodSpec, changed: () => void): LocalPod {
  const stopping = new AbortController();
  const waiting = new Set<() => void>();
  let child: Child | undefined;
  let ready = false;
  let restarts = 0;
  let quickExits = 0;
  let problem = 'it has not started';
  let started: Pick<PodState, 'startedAt' | 'logOffset' | 'mode' | 'url' | 'metricsUrl'> = {
    startedAt: new Date().toISOString(),
    logOffset: 0,
  };

  const setReady = (now: boolean): void => {
    if (ready === now) return;
    ready = now;
    changed();
    wakeAll();
  };
  const wakeAll = (): void => {
    for (const wake of waiting) wake();
    waiting.clear();
  };

  async function runOnce(): Promise<void> {
    const [port, metricsPort] = (await freePorts(2)) as [number, number];
    const config = spec.environment();
    started = {
      startedAt: new Date().toISOString(),
      logOffset: sizeOf(spec.logFile),
      url: `http://127.0.0.1:${port}`,
      metricsUrl: `http://127.0.0.1:${metricsPort}/metrics`,
      ...(config[MODE_KEY] === undefined ? {} : { mode: config[MODE_KEY] }),
    };
    const own = { PORT: String(port), PROMETHEUS_PORT: String(metricsPort), POD_NAME: spec.name };
    const [command, ...args] = spec.program;
    const env = { PATH: process.env.PATH, ...config, ...own };
    child = await startChild({ command, args, logFile: spec.logFile, env });
    changed();
    if (stopping.signal.aborted) await child.end('SIGTERM', GRACE_MS);
    void probe(child, port);
    const exit = await child.exited;
    problem = `it ${describeExit(exit)}; its log ends with: ${lastLine(child.log())}`;
  }

  async function probe(of: Child, port: number): Promise<void> {
    for (let failures = 0; of.running;) {
      const answer = await askReady(port);
      if (!of.running) break;
      if (answer === 'ready') failures = 0;
      else {
        // A process that is only starting says less than how the one before it ended.
        if (!answer.refused || quickExits === 0) problem = answer.problem;
        failures += answer.refused ? FAILURES : 1;
      }
      if (failures === 0) setReady(true);
      else if (failures >= FAILURES) setReady(false);
      await Promise.race([of.exited, pause(ready ? PROBE_MS.ready : PROBE_MS.starting)]);
    }
  }

  async function keepRunning(): Promise<void> {
    while (!stopping.signal.aborted) {
      const begin = performance.now();
      await runOnce().catch((error: unknown) => (problem = `it cannot be started: ${messageOf(error)}`));
      setReady(false);
      if (stopping.signal.aborted) break;
      quickExits = performance.now() - begin < QUICK_MS ? quickExits + 1 : 0;
      changed();
      const backoff = Math.min(BACKOFF_MS.most, BACKOFF_MS.first * 2 ** quickExits);
      await pause(backoff, undefined, { signal: stopping.signal }).catch(() => {});
      restarts += 1;
    }
  }

  const over = keepRunning();
  let ending: Promise<void> | undefined; // asked twice it must not signal twice: the second SIGTERM would force the pod
  const end = async (): Promise<void> => {
    stopping.abort();
    wakeAll();
    await child?.end('SIGTERM', GRACE_MS);
    await over;
  };
  return {
    name: spec.name,
    revision: spec.revision,
    get ready() {
      return ready;
    },
    problem: () => problem,
    state: () => {
      const mark = child?.running ? markOf(child.pid) : undefined;
      return {
        name: spec.name,
        workload: spec.workload,
        ready,
        restarts,
        crashLoop: !ready && quickExits >= CRASH_LOOP_EXITS,
        logFile: spec.logFile,
        ...started,
        ...(mark ? { process: mark } : {}),
      };
    },
    async untilReady(boundMs) {
      const deadline = performance.now() + boundMs;
      while (!ready && !stopping.signal.aborted) {
        const left = deadline - performance.now();
        if (left <= 0) break;
        await new Promise<void>((woken) => {
          const timer = setTimeout(woken, left);
          waiting.add(() => {
            clearTimeout(timer);
            woken();
          });
        });
      }
      return ready;
    },
    end: () => (ending ??= end()),
  };
}

async function askReady(port: number): Promise<'ready' | { problem: string; refused: boolean }> {
  try {
    const signal = AbortSignal.timeout(PROBE_MS.timeout);
    const response = await fetch(`http://127.0.0.1:${port}/readyz`, { signal });
    const body = await response.text();
    if (response.ok) return 'ready';
    return { problem: `/readyz answers ${response.status} ${body.slice(0, 200)}`, refused: false };
  } catch (error) {
    const cause = error instanceof Error && error.cause ? error.cause : error;
    return {
      problem: `/readyz: ${messageOf(cause)}`,
      refused: (cause as { code?: string }).code === 'ECONNREFUSED',
    };
  }
}

const lastLine = (text: string): string => text.slice(text.lastIndexOf('\n') + 1);

function sizeOf(file: string): number {
  try {
    return statSync(file).size;
  } catch {
    return 0;
  }
}
