import type { HrvEvent } from '../shared/hrvEvent.ts';
import { dateArray, float8Array, textArray, timestamptzArray } from './arrays.ts';

/** One message that passed the schema, as it would become a row. */
export interface Candidate {
  /** Index of its message in the batch. */
  readonly place: number;
  readonly event: HrvEvent;
  /** `capturedAt`, or when the stream stored the message. */
  readonly capturedAtMs: number;
  /** The next older one of the same user and day: it takes the place of this one, should that fail for good. */
  older: Candidate | undefined;
}

/**
 * The newest of each user and day, since a statement must not touch a row twice (SQLSTATE 21000), sorted by user and day: two
 * overlapping batches that lock rows in different orders deadlock. Instants are compared, never their texts. On equal
 * instants the later message wins, as it does in the statement. Sorts in place, and links what is superseded by `older`.
 */
export function newestOfEach(candidates: Candidate[]): Candidate[] {
  const newest: Candidate[] = [];
  candidates.sort(inOrder);
  for (const candidate of candidates) {
    const last = newest.at(-1);
    if (last?.event.userId === candidate.event.userId && last.event.date === candidate.event.date) {
      candidate.older = last;
      newest[newest.length - 1] = candidate;
    } else newest.push(candidate);
  }
  return newest;
}

function inOrder(a: Candidate, b: Candidate): number {
  if (a.event.userId !== b.event.userId) return a.event.userId < b.event.userId ? -1 : 1;
  if (a.event.date !== b.event.date) return a.event.date < b.event.date ? -1 : 1;
  return a.capturedAtMs - b.capturedAtMs || a.place - b.place;
}

/** Rows as the statement's five parameters. */
export const toColumns = (rows: readonly Candidate[]): Buffer[] => [
  textArray(rows.map(({ event }) => event.userId)),
  dateArray(rows.map(({ event }) => event.date)),
  float8Array(rows.map(({ event }) => event.rmssd)),
  float8Array(rows.map(({ event }) => Math.log(event.rmssd))),
  timestamptzArray(rows.map(({ capturedAtMs }) => capturedAtMs)),
];
