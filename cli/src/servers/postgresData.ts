import { randomBytes } from 'node:crypto';
import { chown, lstat, mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { mayEnter, postgresAccount } from './account.ts';
import { exists } from './cache.ts';
import { run } from './search.ts';

export interface PostgresData {
  /** PGDATA. */
  data: string;
  password: string;
}

/**
 * A data directory under `dir`, made by initdb on first use, owned by the account that runs the server. Where that account cannot enter `dir`
 * (root's clone under /root), the data lies in a folder of its own under /var/tmp and `dir/data` is a link to it.
 */
export async function preparePostgresData(bin: string, dir: string, user: string): Promise<PostgresData> {
  await mkdir(dir, { recursive: true });
  const data = await dataFolder(dir);
  const passwordFile = join(dir, 'password');
  if (await exists(join(data, 'PG_VERSION'))) return { data, password: await readFile(passwordFile, 'utf8') };

  const account = postgresAccount();
  const password = randomBytes(18).toString('base64url');
  await rm(data, { recursive: true, force: true }); // what an interrupted initdb left
  await mkdir(data, { mode: 0o700 });
  const handOver = `${data}.pw`;
  await writeFile(handOver, password, { mode: 0o600 });
  if (account) for (const path of [data, handOver]) await chown(path, account.uid, account.gid);
  try {
    const auth = ['--auth-local=trust', '--auth-host=scram-sha-256', `--pwfile=${handOver}`];
    const args = ['-D', data, '-U', user, ...auth, '--encoding=UTF8', '--locale=C', '--no-sync'];
    await run(join(bin, 'initdb'), args, { ...account, cwd: '/', timeoutMs: 120_000, env: initdbEnv() });
  } finally {
    await rm(handOver, { force: true });
  }
  await writeFile(passwordFile, password, { mode: 0o600 });
  return { data, password };
}

/** Removes what preparePostgresData made, the folder behind the link included. */
export async function removePostgresData(dir: string): Promise<void> {
  const data = await realpath(join(dir, 'data')).catch(() => undefined);
  if (data && data !== join(await realpath(dir), 'data'))
    await rm(join(data, '..'), { recursive: true, force: true });
  await rm(dir, { recursive: true, force: true });
}

async function dataFolder(dir: string): Promise<string> {
  const path = join(dir, 'data');
  const isLink = await lstat(path).then(
    (it) => it.isSymbolicLink(),
    () => false,
  );
  if (isLink) {
    const target = await realpath(path).catch(() => undefined);
    if (target) return target;
    await rm(path); // the folder behind it was cleaned away
  } else if (await mayEnter(dir, postgresAccount())) return path;
  const away = await mkdtemp('/var/tmp/aa-ops-postgres-');
  const account = postgresAccount();
  if (account) await chown(away, account.uid, account.gid);
  await mkdir(join(away, 'data'), { mode: 0o700 });
  if (account) await chown(join(away, 'data'), account.uid, account.gid);
  await symlink(join(away, 'data'), path);
  return join(away, 'data');
}

// PG* settings of whoever runs us are not for our own server, nor is a locale that this machine may lack.
export function initdbEnv(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(PG|LC_|LANG)/.test(name));
  return { ...Object.fromEntries(kept), LC_ALL: 'C' };
}
