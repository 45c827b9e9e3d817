import { messageOf } from '../shared/log.ts';
import { classify, DatabaseAway } from './classify.ts';
import type { Lane } from './lane.ts';
import type { Candidate } from './rows.ts';

/** What became of the messages that are not in the table. Those that are absent from it were stored, or superseded. */
export type Failures = Map<Candidate, { readonly fault: 'row' | 'retry'; readonly error: string }>;

/**
 * Writes a batch. When the statement fails and the server is well otherwise, halves it until the failing rows stand alone:
 * one bad row never takes its batch with it. A row that fails for good gives way to the next older event of its user and
 * day. Throws DatabaseAway when no row is to blame.
 */
export async function storeRows(
  lane: Lane,
  rows: readonly Candidate[],
  failures: Failures = new Map(),
): Promise<Failures> {
  try {
    await lane.write(rows);
  } catch (error) {
    if (error instanceof DatabaseAway) throw error;
    const fault = classify(error);
    // A statement may claim that the server is short of something, or shutting down, because of one row (a trigger).
    if (fault === 'database') await lane.probe();
    if (rows.length > 1) {
      const middle = rows.length >> 1;
      await storeRows(lane, rows.slice(0, middle), failures);
      await storeRows(lane, rows.slice(middle), failures);
      return failures;
    }
    const failure = { fault: fault === 'row' ? 'row' : 'retry', error: messageOf(error) } as const;
    let blamed: Candidate | undefined = rows[0]!;
    failures.set(blamed, failure);
    // Those that it supersedes are retried with it; only where it fails for good does one of them take its place.
    while ((blamed = blamed.older) && failure.fault === 'retry') failures.set(blamed, failure);
    if (blamed) await storeRows(lane, [blamed], failures);
  }
  return failures;
}
