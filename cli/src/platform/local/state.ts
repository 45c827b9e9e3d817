import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startTimeOf } from '../../servers/index.ts';

/** A process by its number and when it started: the number alone may belong to another one by now. */
export interface ProcessMark {
  pid: number;
  started: string;
}

export interface PodState {
  name: string;
  workload: string;
  process?: ProcessMark;
  ready: boolean;
  restarts: number;
  crashLoop: boolean;
  /** RFC 3339, of the process that runs now. */
  startedAt: string;
  mode?: string;
  url?: string;
  metricsUrl?: string;
  logFile: string;
  /** Where in its log file the process that runs now begins. */
  logOffset: number;
}

export interface ServerState {
  url: string;
  port: number;
  process?: ProcessMark;
  restarts: number;
}

/** What the supervisor writes to `state.json` at every change; the file is for its owner only, since it holds the password and the token. */
export interface LocalState {
  schemaVersion: 1;
  status: 'starting' | 'up' | 'stopping' | 'down';
  supervisor: ProcessMark;
  control?: { url: string; token: string };
  nats?: ServerState;
  postgres?: ServerState;
  frontDoor?: { url: string; port: number };
  pods: PodState[];
  /** Why a pod was not ready when the platform had come up. */
  notReady?: string;
  /** By workload: the number of the running revision, and the restarts that were done, newest last. */
  rollouts: Record<string, { revision: number; done: string[] }>;
}

const stateFile = (dir: string): string => join(dir, 'state.json');

/** The state that a supervisor left in the folder; undefined: none ever ran there. */
export function readState(dir: string): LocalState | undefined {
  try {
    return JSON.parse(readFileSync(stateFile(dir), 'utf8')) as LocalState;
  } catch (error) {
    if ((error as { code?: string }).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Replaces the state as a whole: a reader sees the old or the new one. */
export const writeState = (dir: string, state: LocalState): void => replaceFile(stateFile(dir), state);

export function replaceFile(path: string, value: unknown): void {
  const next = `${path}.${process.pid}.next`;
  writeFileSync(next, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
  renameSync(next, path);
}

/** Undefined where the process is gone already, or where there is no /proc to tell its start. */
export function markOf(pid: number): ProcessMark | undefined {
  const started = startTimeOf(pid);
  return started === undefined ? undefined : { pid, started };
}

/** Whether that very process still runs. Without /proc: whether one of that number does. */
export function isAlive(mark: ProcessMark | undefined): boolean {
  if (!mark) return false;
  if (mark.started) return startTimeOf(mark.pid) === mark.started;
  try {
    process.kill(mark.pid, 0);
    return true;
  } catch {
    return false;
  }
}
