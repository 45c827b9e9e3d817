import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { OpsError } from '@aa-ops/topology';
import { holderOf } from './lock.ts';
import { readState } from './state.ts';

const UP_MS = 300_000;

/**
 * Runs `command` as a supervisor of its own, which outlives us, and waits until its platform is up. Throws OpsError `platform-start` with what it
 * wrote when it ends before.
 */
export async function startDetached(
  dir: string,
  command: [string, ...string[]],
  signal?: AbortSignal,
): Promise<void> {
  const folder = resolve(dir);
  const logFile = join(folder, 'logs', 'up.log');
  mkdirSync(join(folder, 'logs'), { recursive: true, mode: 0o711 });
  const fd = openSync(logFile, 'w', 0o600);
  const [program, ...args] = command;
  const child = spawn(program, args, { detached: true, stdio: ['ignore', fd, fd] });
  closeSync(fd);
  let ended = false;
  child.once('exit', () => (ended = true)).once('error', () => (ended = true));
  child.unref();
  const fail = (problem: string): OpsError =>
    new OpsError('platform-start', `${problem}:\n${readFileSync(logFile, 'utf8').trimEnd()}`, {
      hint: `read ${logFile}`,
    });
  const deadline = performance.now() + UP_MS;
  while (!ended && performance.now() < deadline) {
    if (signal?.aborted) {
      child.kill('SIGTERM');
      throw signal.reason;
    }
    if (holderOf(folder)?.pid === child.pid && readState(folder)?.status === 'up') return;
    await pause(50);
  }
  if (!ended) child.kill('SIGTERM');
  throw fail(
    ended ? 'the local platform did not come up' : `the local platform was not up within ${UP_MS} ms`,
  );
}

/** Waits while someone else brings the platform in `dir` up; false when that one gives up. */
export async function waitForUp(dir: string): Promise<boolean> {
  const folder = resolve(dir);
  const deadline = performance.now() + UP_MS;
  while (holderOf(folder) && performance.now() < deadline) {
    if (readState(folder)?.status === 'up') return true;
    await pause(50);
  }
  return false;
}
