import { OpsError } from '@aa-ops/topology';
import type { CheckContext } from './check.ts';
import { reasonOf } from './reasonOf.ts';

const CONNECT_MS = 5_000;
const STATEMENT_MS = 5_000;

/** Reads of the pods' database; nothing that is asked through it writes. */
export interface Database {
  rows<Row extends object>(sql: string, values?: unknown[]): Promise<Row[]>;
  close(): Promise<void>;
}

/** Where the pods' rows go: what the platform says, else the variable that the topology's environment names. */
export async function databaseUrl({
  platform,
  topology,
}: Pick<CheckContext, 'platform' | 'topology'>): Promise<string | undefined> {
  const from = topology.environment.databaseUrlFrom;
  return (await platform.databaseUrl()) ?? (from ? process.env[from] : undefined);
}

/** Loads the client on first use. Throws OpsError `database-unreachable`. */
export async function openDatabase(url: string): Promise<Database> {
  const { default: pg } = await import('pg');
  const client = new pg.Client({
    connectionString: url,
    application_name: 'aa-ops checks',
    connectionTimeoutMillis: CONNECT_MS,
    statement_timeout: STATEMENT_MS,
    options: '-c default_transaction_read_only=on',
  });
  client.on('error', () => {}); // the query that it meets says so
  try {
    await client.connect();
  } catch (error) {
    const { hostname, port } = new URL(url);
    throw new OpsError(
      'database-unreachable',
      `no PostgreSQL at ${hostname}:${port || 5432}: ${reasonOf(error)}`,
      {
        hint: 'check that it runs, and that its URL and password are right',
        cause: error,
      },
    );
  }
  return {
    rows: async <Row extends object>(sql: string, values: unknown[] = []) =>
      (await client.query<Row>(sql, values)).rows,
    close: () => client.end(),
  };
}
