import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import pg from 'pg';
import { createBackoff, unlessAborted } from '../shared/backoff.ts';
import type { Log } from '../shared/log.ts';
import { canAdopt } from './adopt.ts';
import { hangUp } from './hangUp.ts';

/** Any number, as long as all pods use the same: "aahr" in ASCII. */
const LOCK = 0x61_61_68_72;

interface Migration {
  number: number;
  name: string;
  sql: string;
  checksum: string;
}

/** ms that a statement of a migration may take. Ours take milliseconds; what takes a minute is not for the start of a pod. */
const STATEMENT_TIMEOUT_MS = 60_000;
/** ms that it may wait for a lock, while those behind it wait for it. */
const LOCK_TIMEOUT_MS = 5_000;
/** ms after which the server ends a pod's session that has frozen in between, and frees the lock. */
const IDLE_IN_TRANSACTION_MS = 5_000;

/**
 * Brings the database to the newest numbered file (`001_name.sql`, …) of the folder. Every pod runs it at its start, in one
 * transaction whose advisory lock lets one at a time; the others look again until it is free, and then find nothing to do.
 * Resolves early when the signal is aborted. Throws when a file that has run was changed since, TableRefused, and whatever
 * the database says; then nothing has changed.
 */
export async function migrate(
  url: string,
  folder: URL,
  log: Log,
  signal: AbortSignal,
  who = '[normalize]',
): Promise<void> {
  const migrations = await readMigrations(folder);
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: 5_000,
    application_name: 'aa-migrate',
    statement_timeout: STATEMENT_TIMEOUT_MS,
    query_timeout: STATEMENT_TIMEOUT_MS + 1_000,
    lock_timeout: LOCK_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: 5_000,
  });
  client.on('error', () => {}); // the query that is running rejects
  const end = (): void => void hangUp(client); // what runs rejects
  signal.addEventListener('abort', end, { once: true });
  try {
    await unlessAborted(client.connect(), signal);
    const backoff = createBackoff(50, 1_000);
    let said = false;
    while (!signal.aborted && !(await runAll(client, migrations, log, who))) {
      if (!said) log.info(`${who} Another pod migrates the database. Waiting for it.`);
      said = true;
      await backoff.pause(signal);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    signal.removeEventListener('abort', end);
    await hangUp(client);
  }
}

/** False: another one is at it. */
async function runAll(
  client: pg.Client,
  migrations: readonly Migration[],
  log: Log,
  who: string,
): Promise<boolean> {
  const told: string[] = [];
  await client.query('BEGIN');
  try {
    const { rows: locks } = await client.query<{ mine: boolean }>(
      'SELECT pg_try_advisory_xact_lock($1) AS mine',
      [LOCK],
    );
    if (locks[0]!.mine) {
      await client.query(`CREATE TABLE IF NOT EXISTS aa_migrations (
        number integer PRIMARY KEY, name text NOT NULL, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`);
      const { rows } = await client.query<{ number: number; checksum: string }>(
        'SELECT number, checksum FROM aa_migrations',
      );
      const done = new Map(rows.map((row) => [row.number, row.checksum]));
      for (const migration of migrations) {
        const checksum = done.get(migration.number);
        if (checksum === undefined) told.push(await run(client, migration));
        else if (checksum !== migration.checksum)
          throw new Error(`migration ${migration.name} was changed after it had run: add a new file instead`);
      }
    }
    await client.query('COMMIT');
    for (const line of told) log.info(`${who} ${line}`);
    return locks[0]!.mine;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {});
    throw error;
  }
}

/** Returns what to tell of it. The first one makes the table; one that was there before us is looked at, and then counts as made. */
async function run(client: pg.Client, { number, name, sql, checksum }: Migration): Promise<string> {
  const adopts = number === 1 && (await canAdopt(client));
  if (!adopts) await client.query(sql);
  await client.query('INSERT INTO aa_migrations (number, name, checksum) VALUES ($1, $2, $3)', [
    number,
    name,
    checksum,
  ]);
  return adopts ? 'Adopted the table hrv_data that was there already' : `Migration ${name} applied`;
}

async function readMigrations(folder: URL): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((name) => /^\d{3}_\w+\.sql$/.test(name)).sort();
  return Promise.all(
    names.map(async (name) => {
      const sql = await readFile(new URL(name, folder), 'utf8');
      return {
        number: Number(name.slice(0, 3)),
        name,
        sql,
        checksum: createHash('sha256').update(sql).digest('hex'),
      };
    }),
  );
}
