import type { Workload } from '@aa-ops/topology';

/** One replica of a workload, as its platform sees it. */
export interface Pod {
  name: string;
  workload: string;
  ready: boolean;
  restarts: number;
  /** RFC 3339 */
  startedAt: string;
  /** It ends again and again shortly after its start. */
  crashLoop: boolean;
  /** The mode that it was started with, if its environment names one. */
  mode?: string;
  /** Base URL of its service port, e.g. `http://127.0.0.1:4102`; undefined where only the platform can reach it. */
  url?: string;
}

export interface RolloutOptions {
  signal?: AbortSignal;
  /** ms after which a rollout that does not get ready counts as stuck. */
  timeoutMs: number;
  onProgress(line: string): void;
}

export interface RolloutResult {
  /** `already`: this restart was done before · `stuck`: not ready in time, and why. */
  status: 'done' | 'already' | 'stuck';
  reason?: string;
  /** What is known beside the reason: last lines of logs, events; JSON-safe. */
  details?: Record<string, unknown>;
  ms: number;
}

/** Something that a run does and may not. */
export interface MissingRight {
  /** `patch deployments.apps normalize-service` */
  right: string;
  /** Steps and commands that end without it. */
  for: string;
  /** Nothing ends without it; a report says less. */
  isWish: boolean;
  /** The rule that grants it, as it would be written into the operator's role. */
  grant: string;
}

/** How a workload stands before it is restarted. */
export interface WorkloadState {
  workload: string;
  replicas: number;
  ready: number;
  /** Why a restart of it would not end well. */
  problems: string[];
  /** A rollout is on its way, and how far it is. */
  underWay?: string;
}

/** What a runbook's steps need of wherever the pods run. */
export interface Platform {
  readonly kind: 'local' | 'kubernetes' | 'none';
  /** For people: `local (.aa-ops/dev)`, `kubernetes staging/staging`. */
  readonly name: string;
  /** The ConfigMap: its data, and the mode among it. */
  readMode(): Promise<{ mode: string | undefined; data: Record<string, string> }>;
  /** Merges keys into the ConfigMap, atomically. Pods see it when they are restarted. */
  writeConfig(data: Record<string, string>): Promise<void>;
  pods(workload: Workload): Promise<Pod[]>;
  /**
   * Rolling restart, one replica at a time, a new one ready before the next old one goes. `id` names this restart: asked
   * for again, it is not done again.
   */
  restart(workload: Workload, id: string, options: RolloutOptions): Promise<RolloutResult>;
  /** The last lines of each pod's log; with `sinceStart` only of the running generation. */
  logs(
    workload: Workload,
    options: { tail: number; sinceStart?: boolean },
  ): Promise<{ pod: string; lines: string[] }[]>;
  /** GET a path of one pod's service port: health, metrics. */
  get(pod: Pod, path: string): Promise<{ status: number; body: string }>;
  /** Base URL that takes `POST /ingest/hrv` for all producers. */
  frontDoor(): Promise<string | undefined>;
  /** Sends to the front door where no plain request gets there: then `frontDoor` only names it. */
  post?(
    path: string,
    headers: Record<string, string>,
    body: string,
  ): Promise<{ status: number; body: string }>;
  /** The rights that a run will need and does not have; absent: there are none to have. */
  missingRights?(): Promise<MissingRight[]>;
  workloadState?(workload: Workload): Promise<WorkloadState>;
  databaseUrl(): Promise<string | undefined>;
  natsUrl(): Promise<string | undefined>;
  close(): Promise<void>;
}

/** No pods are managed: a migration is JetStream only. */
export const nonePlatform: Platform = {
  kind: 'none',
  name: 'none',
  readMode: async () => ({ mode: undefined, data: {} }),
  writeConfig: async () => {},
  pods: async () => [],
  restart: async () => ({ status: 'already', ms: 0 }),
  logs: async () => [],
  get: async () => ({ status: 404, body: '' }),
  frontDoor: async () => undefined,
  databaseUrl: async () => undefined,
  natsUrl: async () => undefined,
  close: async () => {},
};
