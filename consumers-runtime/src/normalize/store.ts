import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../shared/log.ts';
import { classify, DatabaseAway, waitedInVain } from './classify.ts';
import type { Lane } from './lane.ts';
import type { Candidate } from './rows.ts';

export interface Failure {
  readonly fault: 'row' | 'retry';
  readonly error: string;
  /** It failed together with others, one of which may be to blame. */
  readonly unsure?: true;
}

/** What became of the messages that are not in the table. Those that are absent from it were stored, or superseded. */
export type Failures = Map<Candidate, Failure>;

/** ms until halves of what may succeed later are written, half of it at least: nothing is retried in milliseconds. */
const PAUSE_MS = 2_000;
/** ms after which what still waits for others is handed back: a connection is not kept for long by rows that somebody has locked. */
const PATIENCE_MS = 30_000;

/**
 * Writes a batch. When the statement fails and the server is well otherwise, halves it until the failing rows stand alone:
 * one bad row never takes its batch with it. A row that fails for good gives way to the next older event of its user and
 * day. Throws DatabaseAway when no row is to blame.
 */
export async function storeRows(
  lane: Lane,
  rows: readonly Candidate[],
  patienceMs = PATIENCE_MS,
): Promise<Failures> {
  const failures: Failures = new Map();
  const handBackAt = performance.now() + patienceMs;

  async function store(some: readonly Candidate[]): Promise<void> {
    try {
      await lane.write(some);
    } catch (error) {
      if (error instanceof DatabaseAway) throw error;
      await split(some, error);
    }
  }

  async function split(some: readonly Candidate[], error: unknown): Promise<void> {
    const fault = classify(error);
    // A statement may claim that the server is short of something, or shutting down, because of one row (a trigger). One
    // that waited in vain may have waited for a row, or for the whole table: then no row is to blame.
    if (fault === 'database' || waitedInVain(error)) await lane.probe();
    const message = messageOf(error);
    if (some.length === 1) return blame(some[0]!, fault === 'row' ? 'row' : 'retry', message);
    if (fault !== 'row') {
      if (performance.now() >= handBackAt) {
        for (const one of some) fail(one, { fault: 'retry', error: message, unsure: true });
        return;
      }
      await sleep(PAUSE_MS * (0.5 + Math.random() / 2));
    }
    const middle = some.length >> 1;
    await store(some.slice(0, middle));
    await store(some.slice(middle));
  }

  async function blame(one: Candidate, fault: Failure['fault'], error: string): Promise<void> {
    if (fault === 'retry') return fail(one, { fault, error });
    failures.set(one, { fault, error });
    if (one.older) await store([one.older]);
  }

  /** Those that it supersedes are retried with it; only where it fails for good does one of them take its place. */
  function fail(newest: Candidate, failure: Failure): void {
    for (let one: Candidate | undefined = newest; one; one = one.older) failures.set(one, failure);
  }

  await store(rows);
  return failures;
}
