import { formatAgo, formatAmount, formatMs } from '../render/numbers.ts';
import { type Check, type CheckContext, type Finding, green, red, skipped, yellow } from './check.ts';
import { type Database, databaseUrl, openDatabase } from './database.ts';
import { HRV_SUBJECT, ownerOf } from './expected.ts';
import { observeFlow } from './observeFlow.ts';

const NEEDED = ['user_id', 'date', 'rmssd', 'ln_rmssd', 'captured_at', 'created_at', 'updated_at'];

const databaseCheck = (
  fields: Pick<Check, 'id' | 'title' | 'runbook'>,
  look: (context: CheckContext, database: Database) => Promise<Finding>,
): Check => ({
  ...fields,
  async run(context) {
    if (context.platform.kind === 'none') return skipped('platform none, no pods are managed here');
    const url = await databaseUrl(context);
    if (!url) {
      const from = context.topology.environment.databaseUrlFrom;
      return yellow('the database has no URL', from ? `set ${from}` : 'set databaseUrlFrom in the topology');
    }
    const database = await openDatabase(url);
    try {
      return await look(context, database);
    } finally {
      await database.close();
    }
  },
});

export const databaseReady: Check = databaseCheck(
  {
    id: 'database',
    title: 'PostgreSQL answers and has hrv_data',
    runbook: 'Prerequisites, Infrastructure Access',
  },
  async (_context, database) => {
    const [server] = await database.rows<{ version: string }>(
      "SELECT current_setting('server_version') AS version",
    );
    const evidence = `PostgreSQL ${server!.version}`;
    const columns = await database.rows<{ name: string }>(
      "SELECT attname AS name FROM pg_attribute WHERE attrelid = to_regclass('hrv_data') AND attnum > 0 AND NOT attisdropped",
    );
    const missing = NEEDED.filter((name) => !columns.some((column) => column.name === name));
    if (columns.length === 0)
      return red(`${evidence}, no table hrv_data`, 'start normalize-service, which makes it');
    return missing.length > 0
      ? red(`${evidence}, hrv_data lacks ${missing.join(', ')}`, 'start normalize-service, which migrates it')
      : green(`${evidence}, hrv_data`);
  },
);

interface Writes {
  last: Date | null;
  rows: number;
  /** Longest time between two rows, s. */
  gap: number | null;
}

/** Rows of today's and yesterday's events: created_at is indexed, updated_at is not. */
const LAST_WRITE = `SELECT max(greatest(created_at, updated_at)) AS last FROM hrv_data WHERE created_at > now() - interval '3 days'`;
/** The runbook's "Database Integrity". */
const FLOW = `SELECT count(*)::int AS rows, max(gap)::float AS gap FROM (
  SELECT extract(epoch FROM created_at - lag(created_at) OVER (ORDER BY created_at)) AS gap
  FROM hrv_data WHERE created_at > now() - interval '30 minutes') AS steps`;
/** From one row a minute on, traffic counts as steady and a gap in it as worth a look. */
const STEADY_ROWS = 30;

export const databaseWrites: Check = databaseCheck(
  {
    id: 'database-writes',
    title: 'Rows are written, without long gaps',
    runbook: 'Monitoring, Failure Indicators; Extended Monitoring, Database Integrity',
  },
  async (context, database) => {
    await observeFlow(context); // its row is on its way otherwise
    const { databaseSilenceMs: silenceMs } = context.topology.thresholds;
    const event = await lastEventAge(context);
    const [[write], [flow]] = [await database.rows<Writes>(LAST_WRITE), await database.rows<Writes>(FLOW)];
    const last = write?.last?.toISOString();
    const gapMs = (flow?.gap ?? 0) * 1_000;
    const evidence = `last write ${formatAgo(last)}, ${formatAmount(flow?.rows ?? 0, 'new row')} in 30 minutes, longest gap ${formatMs(gapMs)}`;
    const isSilent = !last || Date.now() - Date.parse(last) > silenceMs;
    if (isSilent && event !== undefined && event < silenceMs) {
      return red(
        `${evidence}, although an event came ${formatMs(event)} ago`,
        'aa-ops status, then the logs of the consumers',
      );
    }
    if (isSilent) return green(`${evidence}; no event came either`);
    const isGap = (flow?.rows ?? 0) >= STEADY_ROWS && gapMs > silenceMs;
    return isGap
      ? yellow(evidence, 'compare with the times of restarts and migrations: aa-ops history')
      : green(evidence);
  },
);

/** ms since the owner stored its last HRV event; undefined: it holds none. */
async function lastEventAge({ account, topology, ownedIn }: CheckContext): Promise<number | undefined> {
  const owner = ownerOf(topology, ownedIn, HRV_SUBJECT);
  const last = owner ? await account.message(owner, { lastBySubject: HRV_SUBJECT }) : undefined;
  return last && Math.max(0, Date.now() - Date.parse(last.time));
}
