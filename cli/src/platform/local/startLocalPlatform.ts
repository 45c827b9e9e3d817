import { resolve } from 'node:path';
import type { Workload } from '@aa-ops/topology';
import type { NatsServer, PostgresServer } from '../../servers/index.ts';
import type { Platform } from '../platform.ts';
import { DEFAULT_CONFIG, mergeConfigMap, readConfigMap } from './configMap.ts';
import { openControl } from './control.ts';
import { openLocalPlatform } from './openLocalPlatform.ts';
import type { PortWish } from './ports.ts';
import { DEFAULT_WORKLOADS, type Program, runtimeProgram } from './programs.ts';
import type { PodSet } from './rollout.ts';
import { startPods } from './startPods.ts';
import { startServers } from './startServers.ts';
import { superviseFolder, type Supervisor } from './supervisor.ts';

export interface LocalPlatformOptions {
  /** State, data and logs; made unless it is there. */
  dir: string;
  /** Started in this order. Default: normalize-service and ingest-service. */
  workloads?: Workload[];
  /** Default 2 of each. */
  replicas?: number;
  /** What a role's pods run. Default: the built commands of consumers-runtime. */
  program?: (role: Workload['role']) => Program;
  /** The ConfigMap's first content; an existing one is kept as it is. */
  config?: Record<string, string>;
  /** More environment for all pods, e.g. LOG_FORMAT. */
  environment?: Record<string, string>;
  /** Default: USUAL_PORTS where they are free, else any. */
  ports?: { nats?: PortWish; postgres?: PortWish; frontDoor?: PortWish };
  /** Called when both servers answer and before a pod starts: the place to apply the topology. */
  onReady?(urls: { natsUrl: string; databaseUrl: string }): Promise<void>;
  onProgress?(line: string): void;
  /** How long the first pods may take to get ready; 0: do not wait. ms, default 60 s. */
  readyMs?: number;
  /** Aborted while it starts: takes down what had started, and throws the reason. */
  signal?: AbortSignal;
}

export interface LocalPlatformHandle {
  readonly dir: string;
  readonly platform: Platform;
  readonly nats: NatsServer;
  readonly postgres: PostgresServer;
  readonly natsUrl: string;
  readonly databaseUrl: string;
  /** Base URL of the producers' front door. */
  readonly frontDoor: string;
  /** Why a pod was not ready when `readyMs` was over. */
  readonly notReady: string | undefined;
  /** Everything, in reverse order. */
  stop(): Promise<void>;
  /** Resolves when it was stopped, whoever asked for it. */
  readonly stopped: Promise<void>;
}

const READY_MS = 60_000;

/** The ports that `dev` takes where they are free. */
export const USUAL_PORTS = { nats: 4223, postgres: 5433, frontDoor: 4101 };

/**
 * Starts the whole system under this process: nats-server, PostgreSQL, the pods, and the door before the producers. All of it ends
 * with this process. Throws what kept it from starting, after taking down what had started.
 */
export async function startLocalPlatform(options: LocalPlatformOptions): Promise<LocalPlatformHandle> {
  const supervisor = await superviseFolder(resolve(options.dir), options.onProgress ?? (() => {}));
  try {
    return await bringUp(supervisor, options);
  } catch (error) {
    await supervisor.stop();
    throw error;
  }
}

async function bringUp(supervisor: Supervisor, options: LocalPlatformOptions): Promise<LocalPlatformHandle> {
  const { dir, state, save, signal } = { ...supervisor, signal: options.signal };
  if (!readConfigMap(dir)) mergeConfigMap(dir, { ...DEFAULT_CONFIG, ...options.config });
  const wishes = {
    nats: { prefer: USUAL_PORTS.nats },
    postgres: { prefer: USUAL_PORTS.postgres },
    frontDoor: { prefer: USUAL_PORTS.frontDoor },
    ...options.ports,
  };
  const { nats, postgres } = await startServers(supervisor, wishes);
  signal?.throwIfAborted();
  await options.onReady?.({ natsUrl: nats.url, databaseUrl: postgres.url });
  signal?.throwIfAborted();

  const { sets, door } = await startPods(supervisor, {
    workloads: options.workloads?.length ? options.workloads : DEFAULT_WORKLOADS,
    replicas: options.replicas ?? 2,
    program: options.program ?? runtimeProgram,
    environment: { ...options.environment, NATS_URL: nats.url, DATABASE_URL: postgres.url },
    frontDoor: wishes.frontDoor,
  });
  await openSupervisorControl(supervisor, sets);
  const notReady = await firstLate(sets, options.readyMs ?? READY_MS, signal);
  state.status = 'up';
  if (notReady) state.notReady = notReady;
  save();
  return {
    dir,
    platform: openLocalPlatform(dir),
    nats,
    postgres,
    natsUrl: nats.url,
    databaseUrl: postgres.url,
    frontDoor: door.url,
    notReady,
    stop: supervisor.stop,
    stopped: supervisor.stopped,
  };
}

async function openSupervisorControl(supervisor: Supervisor, sets: PodSet[]): Promise<void> {
  const { dir, state, save, say, onDown, stop } = supervisor;
  const control = await openControl({
    pods: () => sets.flatMap((set) => set.pods().map((pod) => pod.state())),
    writeConfig: (data) => mergeConfigMap(dir, data),
    restart: async (workload, id, timeoutMs, progress) => {
      const set = sets.find((it) => it.workload === workload);
      if (!set) throw new Error(`no workload ${workload} here: ${sets.map((it) => it.workload).join(', ')}`);
      return set.restart(id, timeoutMs, (line) => {
        say(line);
        progress(line);
      });
    },
    stop: () => void stop(),
  });
  onDown(() => control.close());
  state.control = { url: control.url, token: control.token };
  save();
}

async function firstLate(sets: PodSet[], boundMs: number, signal?: AbortSignal): Promise<string | undefined> {
  if (boundMs <= 0) return undefined;
  const all = Promise.all(sets.map((set) => set.untilReady(boundMs)));
  const aborted = new Promise<never>((_, failed) => {
    signal?.addEventListener('abort', () => failed(signal.reason as Error), { once: true });
  });
  return (await Promise.race([all, aborted])).find((problem) => problem !== undefined);
}
