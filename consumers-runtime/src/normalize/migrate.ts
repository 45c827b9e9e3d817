import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import pg from 'pg';
import type { Log } from '../shared/log.ts';
import { canAdopt } from './adopt.ts';

/** Any number, as long as all pods use the same: "aahr" in ASCII. */
const LOCK = 0x61_61_68_72;

interface Migration {
  number: number;
  name: string;
  sql: string;
  checksum: string;
}

/**
 * Brings the database to the newest numbered file (`001_name.sql`, …) of the folder. Every pod runs it at its start; an
 * advisory lock lets one at a time, the others then find nothing to do. Each file is one transaction. Throws when a file
 * that has run was changed since, TableRefused, and whatever the database says.
 */
export async function migrate(url: string, folder: URL, log: Log): Promise<void> {
  const migrations = await readMigrations(folder);
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: 5_000,
    application_name: 'aa-migrate',
  });
  client.on('error', () => {}); // the query that is running rejects
  try {
    await client.connect();
    await client.query('SELECT pg_advisory_lock($1)', [LOCK]);
    await client.query(`CREATE TABLE IF NOT EXISTS aa_migrations (
      number integer PRIMARY KEY, name text NOT NULL, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`);
    const { rows } = await client.query<{ number: number; checksum: string }>(
      'SELECT number, checksum FROM aa_migrations',
    );
    const done = new Map(rows.map((row) => [row.number, row.checksum]));
    for (const migration of migrations) {
      // The first one makes the table; one that was there before us is looked at, and then counts as made.
      if (migration.number === 1 && !done.has(1) && (await canAdopt(client))) {
        await run(client, { ...migration, sql: '' }, log);
        log.info('[normalize] Adopted the table hrv_data that was there already');
        continue;
      }
      const checksum = done.get(migration.number);
      if (checksum === undefined) await run(client, migration, log);
      else if (checksum !== migration.checksum) {
        throw new Error(`migration ${migration.name} was changed after it had run: add a new file instead`);
      }
    }
  } finally {
    await client.end().catch(() => {}); // releases the lock
  }
}

async function run(client: pg.Client, migration: Migration, log: Log): Promise<void> {
  await client.query('BEGIN');
  try {
    await client.query(migration.sql);
    await client.query('INSERT INTO aa_migrations (number, name, checksum) VALUES ($1, $2, $3)', [
      migration.number,
      migration.name,
      migration.checksum,
    ]);
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {});
    throw error;
  }
  log.info(`[normalize] Migration ${migration.name} applied`);
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
