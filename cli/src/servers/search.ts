import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, realpath } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { OpsError } from '@aa-ops/topology';

const execute = promisify(execFile);

/** The folder that holds the executable `name`, the first on PATH, symbolic links resolved; undefined: not there. */
export async function folderOnPath(name: string): Promise<string | undefined> {
  for (const folder of (process.env.PATH ?? '').split(delimiter).filter(Boolean)) {
    const path = join(folder, name);
    if (await isExecutable(path)) return dirname(await realpath(path));
  }
  return undefined;
}

export const isExecutable = (path: string): Promise<boolean> =>
  access(path, constants.X_OK).then(
    () => true,
    () => false,
  );

/** Runs a program to its end; stdout. Throws with the last lines of its stderr in the message. */
export async function run(
  command: string,
  args: string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv; timeoutMs?: number; uid?: number; gid?: number } = {},
): Promise<string> {
  const { timeoutMs, ...rest } = options;
  try {
    const { stdout } = await execute(command, args, {
      ...rest,
      timeout: timeoutMs ?? 30_000,
      killSignal: 'SIGKILL',
      maxBuffer: 1 << 24,
    });
    return stdout;
  } catch (error) {
    const { stderr, code, killed } = error as { stderr?: string; code?: string | number; killed?: boolean };
    const last = (stderr ?? '').trim().split('\n').slice(-3).join(' / ');
    const how = killed
      ? `took longer than ${timeoutMs ?? 30_000} ms`
      : code === 'ENOENT'
        ? 'is not installed'
        : `failed (${code})`;
    throw new Error(`${command} ${how}${last ? `: ${last}` : ''}`, { cause: error });
  }
}

/** `v2.15.1` or `(PostgreSQL) 15.14 (Debian …)` as `[2, 15, 1]`; undefined without a number. */
export function parseVersion(text: string): number[] | undefined {
  const match = /(\d+)(?:\.(\d+))?(?:\.(\d+))?/.exec(text);
  return match ? match.slice(1).map((part) => Number(part ?? 0)) : undefined;
}

export function atLeast(version: number[], least: number[]): boolean {
  for (const [index, bound] of least.entries()) {
    const part = version[index] ?? 0;
    if (part !== bound) return part > bound;
  }
  return true;
}

/** One error for a server that no way leads to: every way that was tried, and what to install. */
export function notFound(what: string, tried: string[], install: string): OpsError {
  return new OpsError(`${what}-not-found`, `found no ${what}: ${tried.join('; ')}`, {
    hint: install,
    details: { tried },
  });
}
