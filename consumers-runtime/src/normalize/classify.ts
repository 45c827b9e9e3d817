/**
 * What a failed statement says: `row` this row can never be stored · `retry` the same may succeed later · `database` no
 * row is to blame, the next statement would fail as well.
 */
export type Fault = 'row' | 'retry' | 'database';

/** Thrown when nothing can be written at the moment, whatever the row. */
export class DatabaseAway extends Error {
  override readonly name = 'DatabaseAway';
  /** The connection was lost under a statement: whether that was, or will be, committed is not known. */
  readonly cut: boolean;

  constructor(message: string, options: { cut?: boolean; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.cut = options.cut ?? false;
  }
}

/** Serialization failure, deadlock, lock not available, query cancelled (statement_timeout). */
const RETRY_STATES = new Set(['40001', '40P01', '55P03', '57014']);
/** Those of them that a lock causes, be it the row's or the table's (CREATE INDEX, ALTER TABLE, VACUUM FULL). */
const WAITED_STATES = new Set(['55P03', '57014']);

/**
 * SQLSTATE classes that blame the server or the deployment: 08 connection, 25 read only (a standby), 28 credentials, 3D and
 * 3F no such database or schema, 42 no such table or no right, 53 resources, 55 a table or key not in a state for this, 57 shut down, 58 input/output, XX internal.
 */
const DATABASE_CLASSES = new Set(['08', '25', '28', '3D', '3F', '42', '53', '55', '57', '58', 'XX']);

/**
 * By its SQLSTATE, what PostgreSQL itself has said of a statement. Everything else (connection, timeout, ETIMEDOUT, ENOTFOUND, a
 * certificate that cannot be read) says nothing of any row: blamed on rows, it would give up a whole stream.
 */
export function classify(error: unknown): Fault {
  if (error instanceof DatabaseAway) return 'database';
  const state = stateOf(error);
  if (state === undefined) return 'database';
  if (RETRY_STATES.has(state)) return 'retry';
  return DATABASE_CLASSES.has(state.slice(0, 2)) ? 'database' : 'row';
}

/** Whether trying again later can help. */
export const isRetryable = (error: unknown): boolean => classify(error) !== 'row';

/** Whether a statement was given up while it waited, for a lock as a rule. */
export const waitedInVain = (error: unknown): boolean => WAITED_STATES.has(stateOf(error) ?? '');

/** The SQLSTATE of what the server has answered: it names a severity as well, unlike a failure of ours or of the network, whatever its code (EPIPE). */
function stateOf(error: unknown): string | undefined {
  const { code, severity } = (error ?? {}) as { code?: unknown; severity?: unknown };
  return typeof severity === 'string' && typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code)
    ? code
    : undefined;
}
