import type { Ledger } from '../traffic/index.ts';
import { type HrvEvent, hrvEventOf, USER_PREFIX } from './hrvEvents.ts';
import { BROKEN, HRV_SUBJECT } from './publishers.ts';

/** A row of hrv_data. */
export interface HrvRow {
  userId: string;
  date: string;
  rmssd: number;
  lnRmssd: number;
  capturedAt: string;
}

/** What hrv_data came to, against what it should hold: for each user and day the newest event that was acked. */
export interface RowVerdict {
  expected: number;
  present: number;
  /** User and day that have no row though an event of theirs was acked. */
  missing: number;
  /** Rows whose value, logarithm or instant is not that of the newest event. */
  wrong: number;
  /** Rows of our users that no event accounts for. */
  unexpected: number;
  examples: string[];
}

const EXAMPLES = 10;
const keyOf = ({ userId, date }: Pick<HrvRow, 'userId' | 'date'>): string => `${userId} ${date}`;

interface Expectation {
  newest?: HrvEvent;
  /** Sent and not acked: stored or not, nobody knows. */
  maybe: HrvEvent[];
}

/** Compares the rows with the ledger. `isDeadLettered` excuses an event that was given up with a reason. */
export function judgeRows(
  ledger: Ledger,
  rows: readonly HrvRow[],
  values: readonly number[],
  isDeadLettered: (publisher: string, n: number) => boolean,
): RowVerdict {
  const expectations = expectedRows(ledger, values, isDeadLettered);
  const verdict: RowVerdict = { expected: 0, present: 0, missing: 0, wrong: 0, unexpected: 0, examples: [] };
  const note = (what: string): void => {
    if (verdict.examples.length < EXAMPLES) verdict.examples.push(what);
  };
  const found = new Map(rows.map((row) => [keyOf(row), row]));
  for (const [key, expectation] of expectations) {
    const row = found.get(key);
    if (!expectation.newest) continue;
    verdict.expected++;
    if (!row) {
      verdict.missing++;
      note(`missing: ${key}`);
    } else if (fits(row, expectation)) verdict.present++;
    else {
      verdict.wrong++;
      note(`wrong: ${JSON.stringify(row)}, not ${JSON.stringify(expectation.newest)}`);
    }
  }
  for (const [key, row] of found) {
    const expectation = expectations.get(key);
    if (expectation?.newest || expectation?.maybe.some((event) => equals(row, event))) continue;
    verdict.unexpected++;
    note(`unexpected: ${key}`);
  }
  return verdict;
}

function expectedRows(
  ledger: Ledger,
  values: readonly number[],
  isDeadLettered: (publisher: string, n: number) => boolean,
): Map<string, Expectation> {
  const expectations = new Map<string, Expectation>();
  for (const book of ledger.books()) {
    if (book.name === BROKEN || !book.subjects.includes(HRV_SUBJECT)) continue;
    for (let n = 0; n < book.sent; n++) {
      if (isDeadLettered(book.name, n)) continue;
      const event = hrvEventOf(book.name, n, values);
      const expectation = expectations.get(keyOf(event)) ?? { maybe: [] };
      if (!book.isAcked(n)) expectation.maybe.push(event);
      else if (!expectation.newest || expectation.newest.capturedAt < event.capturedAt)
        expectation.newest = event;
      expectations.set(keyOf(event), expectation);
    }
  }
  return expectations;
}

const fits = (row: HrvRow, { newest, maybe }: Expectation): boolean =>
  equals(row, newest!) || maybe.some((event) => event.capturedAt > newest!.capturedAt && equals(row, event));

/** Both instants are written by toISOString, so that equal texts are equal instants. */
const equals = (row: HrvRow, event: HrvEvent): boolean =>
  row.rmssd === event.rmssd &&
  row.capturedAt === event.capturedAt &&
  Math.abs(row.lnRmssd - Math.log(event.rmssd)) < 1e-12;

/** A connection of its own that reads what the demo's users have in hrv_data. */
export interface RowReader {
  count(): Promise<number>;
  rows(): Promise<HrvRow[]>;
  close(): Promise<void>;
}

export async function openRowReader(databaseUrl: string): Promise<RowReader> {
  const { default: pg } = await import('pg');
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  client.on('error', () => {}); // a query on it tells
  const where = `FROM hrv_data WHERE starts_with(user_id, '${USER_PREFIX}')`;
  return {
    async count() {
      const { rows } = await client.query<{ count: string }>(`SELECT count(*) ${where}`);
      return Number(rows[0]!.count);
    },
    async rows() {
      const { rows } = await client.query<{ u: string; d: string; r: number; l: number; c: Date }>(
        `SELECT user_id AS u, date::text AS d, rmssd AS r, ln_rmssd AS l, captured_at AS c ${where}`,
      );
      return rows.map(({ u, d, r, l, c }) => ({
        userId: u,
        date: d,
        rmssd: r,
        lnRmssd: l,
        capturedAt: c.toISOString(),
      }));
    },
    close: () => client.end(),
  };
}
