import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { TestRun } from './runs.ts';

/** Runs a script of test/support/parents in a process of its own, and waits for the JSON line that it prints. */
export async function startParent<T>(
  script: string,
  ...args: string[]
): Promise<{ process: ChildProcess; told: T }> {
  const path = new URL(`./parents/${script}`, import.meta.url).pathname;
  const child = spawn(process.execPath, ['--import', 'tsx', path, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const line of createInterface({ input: child.stdout })) {
    return { process: child, told: JSON.parse(line) as T };
  }
  throw new Error(`${script} ended without a word`);
}

/** Starts `parents/operator.ts`, which stands still at a point of its window; answers its guardians as well. */
export const startSleeper = (
  { server, environment }: TestRun,
  point: string,
): Promise<{ process: ChildProcess; told: { guardians: number[] } }> =>
  startParent('operator.ts', server.url, environment.runsDir, point, 'stop');

/** kill -9, and waits until it is gone. */
export async function killNine(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}
