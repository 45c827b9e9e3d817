import { chmod } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { messageOf } from '@aa-ops/topology';
import pg from 'pg';
import { postgresAccount } from './account.ts';
import { type Child, startChild } from './child.ts';
import { findPostgres, postgresIn } from './findPostgres.ts';
import type { RunningServer } from './nats.ts';
import { freePort } from './ports.ts';
import { initdbEnv, preparePostgresData, removePostgresData } from './postgresData.ts';
import { freeStaleLock } from './postgresLock.ts';
import { makeTempDir } from './tempDir.ts';
import { untilReady } from './until.ts';

export interface PostgresServer extends RunningServer {
  /** `postgresql://USER:PASSWORD@127.0.0.1:PORT/DATABASE` */
  readonly url: string;
  readonly port: number;
  readonly version: string;
  readonly dir: string;
  /** Stops it (unless it is gone already) and starts it again: same port, same data. */
  restart(): Promise<void>;
}

export interface PostgresOptions {
  /** The folder of `postgres` and `initdb`. Default: what findPostgres finds. */
  bin?: string;
  /** Data and password. Default: a temporary folder, removed by `stop`. */
  dir?: string;
  /** Default: a free one. */
  port?: number;
  /** Default true, as it ships. */
  fsync?: boolean;
  /** Default: `postgres.log` in the folder. */
  logFile?: string;
  /** The superuser; fixed when the folder is first used. Default `athlete`. */
  user?: string;
  /** Made unless it is there. Default `athlete_normalize`. */
  database?: string;
}

/** Recovery after a kill can take long. */
const START_BOUND_MS = 120_000;
const STOP_BOUND_MS = 15_000;
/** How long what a killed one left may keep the data folder locked. */
const UNLOCK_BOUND_MS = 10_000;

/** Starts a PostgreSQL on 127.0.0.1 (no Unix socket, password by SCRAM) and waits until it answers. Throws OpsError `server-start`. */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const { bin, version } = options.bin ? await postgresIn(options.bin) : await findPostgres();
  const dir = options.dir === undefined ? makeTempDir('postgres') : resolve(options.dir);
  const user = options.user ?? 'athlete';
  const database = options.database ?? 'athlete_normalize';
  const port = options.port ?? (await freePort());
  const logFile = options.logFile ?? join(dir, 'postgres.log');
  const remove = async (): Promise<void> => {
    if (options.dir === undefined) await removePostgresData(dir);
  };

  let child!: Child;
  let urlOf: (database: string) => string;
  let start: () => Promise<Child>;
  try {
    if (options.dir === undefined) await chmod(dir, 0o711); // its account has to pass, not to look
    const { data, password } = await preparePostgresData(bin, dir, user);
    urlOf = (name) => `postgresql://${user}:${password}@127.0.0.1:${port}/${name}`;
    const fsync = options.fsync ?? true;
    start = () =>
      launch({ binary: join(bin, 'postgres'), data, logFile, port, fsync, url: urlOf('postgres') });
    child = await start();
    await createDatabase(urlOf('postgres'), database);
  } catch (error) {
    await child?.end('SIGKILL', 0);
    await remove();
    throw error;
  }
  return {
    url: urlOf(database),
    port,
    version,
    dir,
    get pid() {
      return child.pid;
    },
    get exited() {
      return child.exited.then(() => {});
    },
    log: () => child.log(),
    kill: () => child.end('SIGKILL', 0),
    async stop() {
      await child.end('SIGINT', STOP_BOUND_MS); // "fast": SIGTERM would wait for every client to leave
      await remove();
    },
    async restart() {
      await child.end('SIGINT', STOP_BOUND_MS);
      child = await start();
    },
  };
}

function settings(port: number, fsync: boolean): string[] {
  const values = {
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: '',
    fsync: fsync ? 'on' : 'off',
    dynamic_shared_memory_type: 'mmap', // in the data folder: after a kill nothing stays in /dev/shm, which containers keep small
    max_connections: 100,
    log_line_prefix: '%m [%p] ',
    timezone: 'UTC',
    log_timezone: 'UTC',
  };
  return Object.entries(values).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

interface Launch {
  binary: string;
  data: string;
  logFile: string;
  port: number;
  fsync: boolean;
  /** How to ask whether it is ready. */
  url: string;
}

async function launch({ binary, data, logFile, port, fsync, url }: Launch): Promise<Child> {
  const as = postgresAccount();
  const args = ['-D', data, ...settings(port, fsync)];
  const options = { command: binary, args, logFile, env: initdbEnv(), cwd: '/', ...(as ? { as } : {}) };
  const deadline = performance.now() + UNLOCK_BOUND_MS;
  for (;;) {
    const child = await startChild(options);
    try {
      await untilReady(`postgres on port ${port}`, child, START_BOUND_MS, () => ask(url, 'select 1'));
      return child;
    } catch (error) {
      await child.end('SIGKILL', 0);
      // One that was killed leaves a lock, and children that need a moment to notice.
      const locked = /lock file "postmaster.pid" already exists|pre-existing shared memory block/.test(
        child.log(),
      );
      if (!locked || performance.now() > deadline || (await freeStaleLock(data)) === 'held') throw error;
      await pause(50);
    }
  }
}

async function ask(url: string, sql: string): Promise<pg.QueryResult> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on('error', () => {}); // reported by the query
  await client.connect();
  try {
    return await client.query(sql);
  } finally {
    await client.end();
  }
}

async function createDatabase(url: string, database: string): Promise<void> {
  try {
    await ask(url, `create database ${pg.escapeIdentifier(database)}`);
  } catch (error) {
    if ((error as { code?: string }).code !== '42P04')
      throw new Error(`cannot create ${database}: ${messageOf(error)}`, { cause: error });
  }
}
