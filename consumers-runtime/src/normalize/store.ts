import { messageOf } from '../shared/log.ts';
import { classify, DatabaseAway } from './classify.ts';
import type { Lane } from './lane.ts';
import type { Candidate, Group } from './rows.ts';

/** What became of the messages that are not in the table. Those that are absent from it were stored, or superseded. */
export type Failures = Map<Candidate, { readonly fault: 'row' | 'retry'; readonly error: string }>;

/**
 * Writes a batch. When the statement fails and the server is well otherwise, halves it until the failing rows stand alone:
 * one bad row never takes its batch with it. A row that fails for good gives way to the next older event of its user and
 * day. Throws DatabaseAway when no row is to blame.
 */
export async function storeGroups(
  lane: Lane,
  groups: readonly Group[],
  failures: Failures = new Map(),
): Promise<Failures> {
  try {
    await lane.write(groups);
  } catch (error) {
    if (error instanceof DatabaseAway) throw error;
    const fault = classify(error);
    // A statement may claim that the server is short of something, or shutting down, because of one row (a trigger).
    if (fault === 'database') await lane.probe();
    if (groups.length > 1) {
      const middle = groups.length >> 1;
      await storeGroups(lane, groups.slice(0, middle), failures);
      await storeGroups(lane, groups.slice(middle), failures);
    } else {
      const group = groups[0]!;
      const failure = { fault: fault === 'row' ? 'row' : 'retry', error: messageOf(error) } as const;
      const blamed = failure.fault === 'row' ? [group.at(-1)!] : group;
      for (const candidate of blamed) failures.set(candidate, failure);
      const rest = group.slice(0, group.length - blamed.length);
      if (rest.length > 0) await storeGroups(lane, [rest], failures);
    }
  }
  return failures;
}
