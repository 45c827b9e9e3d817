import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type MessageHeaders,
  headersOf,
  type JetStreamWriter,
  type Msg,
  readRange,
  type StreamMessage,
  type Tail,
} from '../jetstream/index.ts';
import { covers } from '../subjects/sets.ts';
import type { HeldMessage } from './hold.ts';

/** A stream that may have captured a held message itself: just before the release, or just after the take. */
export interface Captor {
  stream: string;
  fromSeq: number;
  /** Nothing behind it counts; absent: all that there is. */
  toSeq?: number | undefined;
  /** What it may have captured; absent: what is handed over. */
  filters?: readonly string[];
  /**
   * `before` the window: its messages match held ones from the front; `after`: from the back. `throughout`: nothing in the stream tells where the window
   * lies, and what a dead process had let go cannot be told from its equals that the stream captured by itself: all of these are answered.
   */
  side: 'before' | 'after' | 'throughout';
  /** Follows it since before the hold; without one, the range is read. */
  tail?: Tail | undefined;
  /** It is known to have stored this one; a leader that was elected a moment ago may not have applied it yet. */
  throughSeq?: number | undefined;
  /** Its last one, where it has told that already: it is not asked again. */
  lastSeq?: number | undefined;
}

/** ms for a new leader to have what its predecessor had acked, and between two looks. */
const ELECTED_MS = 10_000;
const POLL_MS = 10;

/** Where a stream keeps a message. */
export interface StoredAt {
  stream: string;
  seq: number;
}

export interface SortedOut {
  /** Held, and in no stream. */
  missing: HeldMessage[];
  /** Let go by a process that died before it passed the answer on, and where they are. */
  unanswered: [message: Msg, place: StoredAt][];
}

/**
 * Tells what streams have captured already from what is missing. Messages are compared as a multiset (subject, headers,
 * payload), since equal ones without an id cannot be told apart: those captured before the window are the first of their
 * kind that were held, those captured after it the last, so that the right publisher gets its one answer. What a dead
 * process had let go (`elsewhere`) is the first of what remains: it let go in order. What we know to be `stored`, by its
 * answer, is taken out before anything is looked for.
 */
export async function sortOutCaptured(
  account: JetStreamWriter,
  held: readonly HeldMessage[],
  captors: readonly Captor[],
  filters: readonly string[],
  elsewhere: readonly Msg[],
  stored: ReadonlySet<Msg> = new Set(),
): Promise<SortedOut> {
  const placesOf = (wanted: Captor['side']) =>
    placesCaptured(
      account,
      captors.filter(({ side }) => side === wanted),
      filters,
    );
  const [before, after, throughout] = await Promise.all([
    placesOf('before'),
    placesOf('after'),
    placesOf('throughout'),
  ]);
  const letGo = new Map<string, number>();
  for (const key of elsewhere.map(keyOfHeld)) letGo.set(key, (letGo.get(key) ?? 0) + 1);
  const left = held.map((one) => ({ one, key: keyOfHeld(one.message), captured: false }));
  const unanswered: SortedOut['unanswered'] = [];
  for (const it of left) it.captured = before.get(it.key)?.shift() !== undefined;
  for (const it of left) {
    const place = it.captured ? undefined : throughout.get(it.key)?.shift();
    if (!place) continue;
    it.captured = true;
    if (letGo.has(it.key) && !stored.has(it.one.message)) unanswered.push([it.one.message, place]);
  }
  for (const it of left) {
    if (!stored.has(it.one.message)) continue;
    after.get(it.key)?.shift();
    it.captured = true;
  }
  for (const it of left) {
    const count = letGo.get(it.key) ?? 0;
    const place = it.captured || count === 0 ? undefined : after.get(it.key)?.shift();
    if (!place) continue;
    letGo.set(it.key, count - 1);
    it.captured = true;
    unanswered.push([it.one.message, place]);
  }
  for (const it of left.toReversed()) it.captured ||= after.get(it.key)?.shift() !== undefined;
  return { missing: left.flatMap(({ one, captured }) => (captured ? [] : [one])), unanswered };
}

/** By what makes messages equal, in the stream's order. */
async function placesCaptured(
  account: JetStreamWriter,
  captors: readonly Captor[],
  filters: readonly string[],
): Promise<Map<string, StoredAt[]>> {
  const places = new Map<string, StoredAt[]>();
  await Promise.all(
    captors.map(async (captor) => {
      const { stream } = captor;
      for await (const batch of readCaptor(account, captor, filters)) {
        for (const message of batch) {
          if (message.headers.has('Nats-Stream-Source')) continue; // a copy: its original is counted
          const key = keyOfStored(message);
          const known = places.get(key);
          if (known) known.push({ stream, seq: message.seq });
          else places.set(key, [{ stream, seq: message.seq }]);
        }
      }
    }),
  );
  return places;
}

async function* readCaptor(
  account: JetStreamWriter,
  captor: Captor,
  moved: readonly string[],
): AsyncGenerator<StreamMessage[]> {
  const { stream, fromSeq, toSeq = Infinity, tail } = captor;
  const wanted = [...(captor.filters ?? moved)];
  const last = Math.min(toSeq, captor.lastSeq ?? (await lastSeqOf(account, captor)));
  const followed = await tail?.through(last);
  if (!followed) yield* readRange(account, stream, { fromSeq, toSeq: last, filters: wanted });
  else yield followed.filter(({ seq, subject }) => seq >= fromSeq && seq <= toSeq && covers(wanted, subject));
}

/** Its leader tells how much there is. */
export async function lastSeqOf(
  account: JetStreamWriter,
  { stream, throughSeq = 0 }: Captor,
): Promise<number> {
  const deadline = performance.now() + ELECTED_MS;
  for (;;) {
    const last = (await account.stream(stream))?.state.last_seq ?? 0;
    if (last >= throughSeq || performance.now() > deadline) return last;
    await delay(POLL_MS);
  }
}

const keyOfStored = ({ subject, headers, data }: StreamMessage): string => keyOf(subject, headers, data);

const keyOfHeld = (message: Msg): string => keyOf(message.subject, headersOf(message), message.data);

/**
 * Headers that a server writes anew when it stores a message, so that it does not look like the publish that was held (2.15.1): a TTL is raised to
 * `subject_delete_marker_ttl`, a trace is told to be off. Publishes that differ in nothing else are taken for equal.
 */
const isRewritten = (name: string): boolean => name === 'Nats-TTL' || name.startsWith('Nats-Trace-');

function keyOf(subject: string, { all }: MessageHeaders, data: Uint8Array): string {
  const hash = createHash('sha256').update(subject);
  const names = [...all.keys()].filter((name) => !isRewritten(name));
  for (const name of names.sort()) hash.update(`\0${name}\0${all.get(name)!.join('\0')}`);
  return hash.update('\0\0').update(data).digest('base64');
}
