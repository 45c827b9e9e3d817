import pg from 'pg';
import { migrate } from '../../database/migrate.ts';
import { type Log, messageOf } from '../../shared/log.ts';
import type { Seal } from './seal.ts';
import type { Held, Tokens, TokenStore } from './tokens.ts';

export interface TokenStoreOptions {
  databaseUrl: string;
  migrations: URL;
  seal: Seal;
  log: Log;
  signal: AbortSignal;
}

interface Row {
  sealed: string;
  scope: string;
  expires_at: Date;
  refused_at: Date | null;
}

const CONNECTIONS = 4;
const CONNECT_TIMEOUT_MS = 5_000;
const STATEMENT_TIMEOUT_MS = 20_000;
/** ms that a pod may take between two statements of a transaction, in which it asks Oura; then its lock is free. */
const IDLE_IN_TRANSACTION_MS = 15_000;

const SELECT = 'SELECT sealed, scope, expires_at, refused_at FROM oura_tokens WHERE user_id = $1';
const UPSERT = `
INSERT INTO oura_tokens AS held (user_id, sealed, scope, expires_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (user_id) DO UPDATE
SET sealed = excluded.sealed, scope = excluded.scope, expires_at = excluded.expires_at, refused_at = NULL, updated_at = now()`;

/** Tokens in PostgreSQL (`oura_tokens`), encrypted. Connects, and migrates the database, when it is first used. */
export function createTokenStore(options: TokenStoreOptions): TokenStore {
  const { seal, log, signal } = options;
  const pool = new pg.Pool({
    connectionString: options.databaseUrl,
    application_name: 'aa-ingest',
    max: CONNECTIONS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    query_timeout: STATEMENT_TIMEOUT_MS + 1_000,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
  });
  pool.on('error', (error) => log.warn(`[ingest-service] PostgreSQL: ${messageOf(error)}`));
  let migrated: Promise<void> | undefined;

  /** Once for all who come; again after a failure. */
  function ready(): Promise<void> {
    migrated ??= migrate(options.databaseUrl, options.migrations, log, signal, '[ingest-service]').catch(
      (error: unknown) => {
        migrated = undefined;
        throw error;
      },
    );
    return migrated;
  }

  function heldIn(userId: string, row: Row | undefined): Held | undefined {
    if (!row) return undefined;
    const opened = seal.open(row.sealed, purposeOf(userId)) as SealedTokens | undefined;
    return {
      accessToken: opened?.accessToken ?? '',
      refreshToken: opened?.refreshToken,
      expiresAt: row.expires_at,
      scope: row.scope,
      refused: row.refused_at !== null || opened === undefined,
    };
  }

  const upsert = (client: Pick<pg.ClientBase, 'query'>, userId: string, tokens: Tokens): Promise<unknown> => {
    const { accessToken, refreshToken, scope, expiresAt } = tokens;
    const sealed = seal.seal({ accessToken, refreshToken } satisfies SealedTokens, purposeOf(userId));
    return client.query(UPSERT, [userId, sealed, scope, expiresAt]);
  };

  return {
    async save(userId, tokens) {
      await ready();
      await upsert(pool, userId, tokens);
    },
    async read(userId) {
      await ready();
      const { rows } = await pool.query<Row>(SELECT, [userId]);
      return heldIn(userId, rows[0]);
    },
    async change(userId, decide) {
      await ready();
      const client = await pool.connect();
      let broken: Error | undefined;
      try {
        await client.query('BEGIN');
        const { rows } = await client.query<Row>(`${SELECT} FOR UPDATE`, [userId]);
        const { answer, change } = await decide(heldIn(userId, rows[0]));
        if (change === 'removed') await client.query('DELETE FROM oura_tokens WHERE user_id = $1', [userId]);
        else if (change === 'refused')
          await client.query('UPDATE oura_tokens SET refused_at = now() WHERE user_id = $1', [userId]);
        else if (change !== 'kept') await upsert(client, userId, change.store);
        await client.query('COMMIT');
        return answer;
      } catch (error) {
        await client.query('ROLLBACK').catch((why: unknown) => (broken = why as Error));
        throw error;
      } finally {
        client.release(broken);
      }
    },
    close: () => pool.end(),
  };
}

interface SealedTokens {
  accessToken: string;
  refreshToken: string | undefined;
}

/** One athlete's tokens do not open in another one's row. */
const purposeOf = (userId: string): string => `tokens of ${userId}`;
