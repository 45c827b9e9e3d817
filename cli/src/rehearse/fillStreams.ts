import { setTimeout as pause } from 'node:timers/promises';
import {
  covers,
  type JetStreamReader,
  type JetStreamWriter,
  type LiveAccount,
  type LiveStream,
} from '@aa-ops/topology';

/** What a stream of the rehearsal was filled with, and what it stands for. */
export interface Filled {
  stream: string;
  messages: number;
  /** What it holds live. */
  live: number;
  bytesPerMessage: number;
}

/** Where no count is given: what is live, up to so many in each stream. */
export const MOST_MESSAGES = 100_000;
const MOST_SUBJECTS = 200;
const MOST_BYTES = 64 * 1_024;
const FLUSH_EVERY = 1_000;
const POLL_MS = 50;

/** A subject that a filter hears: the wildcards filled in. */
export const exampleOf = (filter: string): string => filter.replaceAll(/[*>]/g, 'rehearsal');

/** Subjects that are in use under some filters, with how often; where there is none, one made up for each filter. */
export async function subjectsOf(
  live: JetStreamReader,
  stream: string,
  filters: readonly string[],
): Promise<Map<string, number>> {
  const counts = await Promise.all(filters.map((filter) => live.subjectCounts(stream, filter)));
  const most = counts
    .flatMap((map) => [...map])
    .filter(([subject]) => covers(filters, subject))
    .sort(([, a], [, b]) => b - a)
    .slice(0, MOST_SUBJECTS);
  return new Map(most.length > 0 ? most : filters.map((filter) => [exampleOf(filter), 1]));
}

/** Publishes synthetic messages to every stream that gives subjects away: as many, as large, on the same subjects. */
export async function fillStreams(
  { reader, account }: { reader: JetStreamReader; account: LiveAccount },
  local: JetStreamWriter,
  origins: ReadonlyMap<string, readonly string[]>,
  wanted: number | undefined,
  signal: AbortSignal,
): Promise<Filled[]> {
  const filled: Filled[] = [];
  for (const [stream, owned] of origins) {
    const standing = account.streams.get(stream);
    if (!standing) continue;
    const live = standing.info.state.messages;
    const messages = wanted ?? Math.min(live, MOST_MESSAGES);
    const bytesPerMessage = averageSize(standing);
    const subjects = await subjectsOf(reader, stream, owned);
    await publishAll(local, spread(subjects, messages), bytesPerMessage, signal);
    await untilHeld(local, stream, messages, signal);
    filled.push({ stream, messages: (await local.stream(stream))!.state.messages, live, bytesPerMessage });
  }
  return filled;
}

const averageSize = ({ info: { state } }: LiveStream): number =>
  state.messages === 0 ? 150 : Math.min(MOST_BYTES, Math.max(1, Math.round(state.bytes / state.messages)));

/** Subjects in turn, each as often as its part of all. */
function* spread(subjects: ReadonlyMap<string, number>, messages: number): Generator<string> {
  const all = [...subjects.values()].reduce((sum, count) => sum + count, 0);
  const due = new Map([...subjects.keys()].map((subject) => [subject, 0]));
  for (let n = 0; n < messages;) {
    for (const [subject, count] of subjects) {
      const part = due.get(subject)! + (count / all) * subjects.size;
      const now = Math.min(Math.floor(part), messages - n);
      due.set(subject, part - Math.floor(part));
      for (let i = 0; i < now; i++, n++) yield subject;
    }
  }
}

async function publishAll(
  { connection }: JetStreamWriter,
  subjects: Iterable<string>,
  bytes: number,
  signal: AbortSignal,
): Promise<void> {
  const payload = Buffer.alloc(bytes, 'rehearsal ');
  let sent = 0;
  for (const subject of subjects) {
    connection.publish(subject, payload);
    if (++sent % FLUSH_EVERY > 0) continue;
    await connection.flush();
    signal.throwIfAborted();
  }
  await connection.flush();
}

/** Limits of the stream may keep it from holding all: then until it takes no more. */
async function untilHeld(
  local: JetStreamWriter,
  stream: string,
  messages: number,
  signal: AbortSignal,
): Promise<void> {
  for (let last = -1, same = 0; same < 20;) {
    const { state } = (await local.stream(stream))!;
    if (state.messages >= messages) return;
    same = state.last_seq === last ? same + 1 : 0;
    last = state.last_seq;
    await pause(POLL_MS, undefined, { signal });
  }
}
