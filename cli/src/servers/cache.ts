import { randomBytes } from 'node:crypto';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/** `$XDG_CACHE_HOME/aa-ops`, by default `~/.cache/aa-ops`: a relative one is ignored, as its specification says. */
export function cacheDir(): string {
  const wanted = process.env.XDG_CACHE_HOME ?? '';
  return join(isAbsolute(wanted) ? wanted : join(homedir(), '.cache'), 'aa-ops');
}

/**
 * The folder `name` of the cache, made by `fill` unless it is there. It appears whole or not at all, and of two processes
 * that make it at once one wins and both get the same.
 */
export async function inCache(
  name: string,
  fill: (folder: string) => Promise<void>,
  root = cacheDir(),
): Promise<string> {
  const target = join(root, name);
  if (await exists(target)) return target;
  await mkdir(root, { recursive: true });
  const building = join(root, `.${name}.${process.pid}.${randomBytes(4).toString('hex')}`);
  try {
    await mkdir(building, { mode: 0o755 });
    await fill(building);
    await rename(building, target);
  } catch (error) {
    if (!(await exists(target))) throw error;
  } finally {
    await rm(building, { recursive: true, force: true });
  }
  return target;
}

export const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
