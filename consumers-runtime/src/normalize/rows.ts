import type { HrvEvent } from '../shared/hrvEvent.ts';
import type { Incoming } from './message.ts';

/** One message that passed the schema. */
export interface Candidate {
  readonly incoming: Incoming;
  /** Its index in the batch. */
  readonly place: number;
  readonly event: HrvEvent;
  /** `capturedAt`, or when the stream stored the message. */
  readonly capturedAtMs: number;
}

/** All messages of a batch about one user and day, oldest instant first; the last one becomes the row. */
export type Group = Candidate[];

/**
 * Groups by (user, day), since a statement must not touch a row twice (SQLSTATE 21000), and sorts by key: two
 * overlapping batches that lock rows in different orders deadlock. Instants are compared, never their texts. On equal
 * instants the later message wins, as it does in the statement.
 */
export function groupByKey(candidates: Iterable<Candidate>): Group[] {
  const groups = new Map<string, Group>();
  for (const candidate of candidates) {
    const key = `${candidate.event.userId}\0${candidate.event.date}`; // a user id holds no NUL
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [candidate]);
    else {
      group.push(candidate);
      if (group.at(-2)!.capturedAtMs > candidate.capturedAtMs)
        group.sort((a, b) => a.capturedAtMs - b.capturedAtMs);
    }
  }
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group);
}

/** Rows as the statement's five parameters, each an array literal: PostgreSQL parses one text faster than the driver joins five arrays. */
export function toColumns(groups: readonly Group[]): string[] {
  const columns: [string[], string[], number[], number[], string[]] = [[], [], [], [], []];
  for (const group of groups) {
    const { event, capturedAtMs } = group.at(-1)!;
    columns[0].push(quote(event.userId));
    columns[1].push(event.date);
    columns[2].push(event.rmssd);
    columns[3].push(Math.log(event.rmssd));
    columns[4].push(new Date(capturedAtMs).toISOString());
  }
  return columns.map((column) => `{${column.join(',')}}`);
}

const PLAIN = /^[\w-]+$/;

const quote = (value: string): string =>
  PLAIN.test(value) && !(value.length === 4 && value.toUpperCase() === 'NULL')
    ? value
    : `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
