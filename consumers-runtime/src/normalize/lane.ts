import pg from 'pg';
import { hangUp } from '../database/hangUp.ts';
import { messageOf } from '../shared/log.ts';
import { classify, DatabaseAway } from './classify.ts';
import { type Candidate, toColumns } from './rows.ts';

/** One dedicated connection. A pool would hide which statement waits for which connection, and hang when all are taken. */
export interface Lane {
  /** Stores the rows, each of another user or day, all or none. Throws the driver's error, or DatabaseAway when the connection is lost. */
  write(rows: readonly Candidate[]): Promise<void>;
  /** Writes and takes back a row. Throws DatabaseAway unless the table can be written to. */
  probe(): Promise<void>;
  /** Whether the row holds this event or a newer one. Throws the driver's error where the table's columns cannot hold it. */
  isStored(candidate: Pick<Candidate, 'event' | 'capturedAtMs'>): Promise<boolean>;
  /** Any other statement, with the same care. */
  query(text: string, values?: unknown[]): Promise<pg.QueryResult>;
  /**
   * Everything that `work` does on this lane, in one transaction on one connection. Where that is lost in between, the rest
   * fails (DatabaseAway) instead of going on over another one, without the transaction and its locks.
   */
  transaction<T>(work: () => Promise<T>): Promise<T>;
  /** How long a statement may go on, and with it one whose connection was lost, ms. */
  statementTimeoutMs(): number;
  close(): Promise<void>;
}

export interface LaneOptions {
  url: string;
  name: string;
  /** ms after which the server gives up a statement; the client waits a little longer and then drops the connection. */
  statementTimeoutMs: () => number;
  /** ms after which the server ends a session that does nothing in the middle of a transaction: it may be forgotten, and holds locks. */
  idleInTransactionMs?: number;
}

/** Side by side in the select list the arrays are taken apart row by row; as one `unnest` of five in FROM each would be laid down as a whole first. */
const UPSERT = `
INSERT INTO hrv_data AS stored (user_id, date, rmssd, ln_rmssd, captured_at)
SELECT unnest($1::text[]), unnest($2::date[]), unnest($3::float8[]), unnest($4::float8[]), unnest($5::timestamptz[])
ON CONFLICT (user_id, date) DO UPDATE
SET rmssd = excluded.rmssd, ln_rmssd = excluded.ln_rmssd, captured_at = excluded.captured_at, updated_at = now()
WHERE stored.captured_at <= excluded.captured_at`;

/** What an adopted table's columns make of a value: `numeric(8,2)` and `timestamp(0)` round it. */
const COLUMN_TYPES = `
SELECT max(type) FILTER (WHERE attname = 'rmssd') AS rmssd, max(type) FILTER (WHERE attname = 'captured_at') AS "capturedAt"
FROM (SELECT attname, format_type(atttypid, atttypmod) AS type FROM pg_attribute WHERE attrelid = to_regclass('hrv_data')) AS columns`;

const stored = (types: { rmssd: string; capturedAt: string }): string => `
SELECT 1 FROM hrv_data WHERE user_id = $1 AND date = $2 AND
  (captured_at > $3::timestamptz::${types.capturedAt} OR (captured_at = $3::timestamptz::${types.capturedAt} AND rmssd = $4::float8::${types.rmssd}))`;

/**
 * A user id that the schema refuses (it is empty), so that it can never be anybody's row; any day of the first 1,000 years, so
 * that no probe waits for another one. One message: a connection that is lost cannot leave the transaction open.
 */
const PROBE = `
BEGIN;
INSERT INTO hrv_data (user_id, date, rmssd, ln_rmssd, captured_at)
VALUES ('', date '0001-01-01' + (random() * 365000)::int, 1, 0, '0001-01-01T00:00:00Z') ON CONFLICT (user_id, date) DO NOTHING;
ROLLBACK`;

/** No such prepared statement, or one already: a pooler (PgBouncer by transaction) gives each statement another session. */
const PREPARED_ELSEWHERE = new Set(['26000', '42P05']);

const CONNECT_TIMEOUT_MS = 5_000;
const IDLE_IN_TRANSACTION_MS = 5_000;

/** Connects on first use, and again after a loss. */
export function createLane(options: LaneOptions): Lane {
  let client: pg.Client | undefined;
  let isPrepared = true;
  /** The connection that a transaction is open on. */
  let pinned: pg.Client | undefined;

  async function connected(): Promise<pg.Client> {
    if (pinned && client !== pinned)
      throw new DatabaseAway('the connection was lost in the middle of a transaction');
    if (client) return client;
    const fresh = make();
    const drop = (): void => {
      if (client === fresh) client = undefined;
    };
    fresh.on('error', drop);
    fresh.on('end', drop);
    try {
      await fresh.connect();
      // An adopted table may keep instants without a zone, as Prisma does, in UTC.
      await fresh.query("SET TIME ZONE 'UTC'");
    } catch (error) {
      await hangUp(fresh);
      throw new DatabaseAway(messageOf(error), { cause: error });
    }
    client = fresh;
    return fresh;
  }

  /** Reads the files that the URL names (sslrootcert, sslcert, sslkey), which may be away or be replaced just then. */
  function make(): pg.Client {
    const timeout = options.statementTimeoutMs();
    try {
      return new pg.Client({
        connectionString: options.url,
        application_name: options.name,
        connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
        statement_timeout: timeout,
        query_timeout: timeout + 1_000,
        idle_in_transaction_session_timeout: options.idleInTransactionMs ?? IDLE_IN_TRANSACTION_MS,
        keepAlive: true,
        keepAliveInitialDelayMillis: 5_000,
      });
    } catch (error) {
      throw new DatabaseAway(messageOf(error), { cause: error });
    }
  }

  /** Runs one statement; an error that leaves no usable connection behind becomes DatabaseAway. */
  async function query(text: string, values: unknown[] = [], name?: string): Promise<pg.QueryResult> {
    const mine = await connected();
    try {
      return await mine.query({ text, values, ...(name ? { name } : {}) });
    } catch (error) {
      const severity = (error as { severity?: string }).severity;
      if (client === mine && severity !== undefined && severity !== 'FATAL' && severity !== 'PANIC')
        throw error;
      // No answer, or none after this one: whether the statement was committed is not known.
      if (client === mine) client = undefined;
      await hangUp(mine);
      throw new DatabaseAway(messageOf(error), { cause: error, cut: true });
    }
  }

  return {
    async write(rows) {
      const columns = toColumns(rows);
      try {
        await query(UPSERT, columns, isPrepared ? 'hrv_upsert' : undefined);
      } catch (error) {
        if (!isPrepared || !PREPARED_ELSEWHERE.has((error as { code?: string }).code ?? '')) throw error;
        isPrepared = false;
        await query(UPSERT, columns);
      }
    },
    async probe() {
      try {
        await query(PROBE);
      } catch (error) {
        if (!(error instanceof DatabaseAway)) await query('ROLLBACK'); // the rest of the message was skipped
        if (classify(error) === 'row') return; // a constraint of its own: the table takes statements
        throw error instanceof DatabaseAway ? error : new DatabaseAway(messageOf(error), { cause: error });
      }
    },
    async isStored({ event, capturedAtMs }) {
      const values = [event.userId, event.date, new Date(capturedAtMs).toISOString(), event.rmssd];
      const { rows } = await query(COLUMN_TYPES);
      return (await query(stored(rows[0]), values)).rowCount === 1;
    },
    query: (text, values) => query(text, values),
    async transaction(work) {
      pinned = await connected();
      try {
        await query('BEGIN');
        const result = await work();
        await query('COMMIT');
        return result;
      } catch (error) {
        await query('ROLLBACK').catch(() => {});
        throw error;
      } finally {
        pinned = undefined;
      }
    },
    statementTimeoutMs: options.statementTimeoutMs,
    async close() {
      if (client) await hangUp(client);
      client = undefined;
    },
  };
}
