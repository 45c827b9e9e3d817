import type { JetStreamManager, NatsConnection } from 'nats';
import { isInvalid, parseHrvEvent } from '../shared/hrvEvent.ts';
import type { Log } from '../shared/log.ts';
import { classify, DatabaseAway } from './classify.ts';
import type { NormalizeConfig } from './config.ts';
import { type DeadLetter, deadLetterIds, storeDeadLetter } from './deadLetter.ts';
import { findBuried, isAmong, lettersSinceMs } from './findBuried.ts';
import { CLOCKS_MS } from './isLetterOf.ts';
import type { Lane } from './lane.ts';
import { readStored, type Stored } from './readStored.ts';

export interface SweepOptions {
  nc: NatsConnection;
  jsm: JetStreamManager;
  /** A connection of its own: a part of a sweep is one transaction. */
  lane: Lane;
  config: Pick<NormalizeConfig, 'durable' | 'subject' | 'dlqPrefix'>;
  onSwept(letter: DeadLetter): void;
  log: Log;
  /** Ends the sweep behind the message it is at. */
  signal: AbortSignal;
}

interface Advisory {
  stream: string;
  stream_seq: number;
  deliveries: number;
  /** When the message was given up. */
  diedMs: number;
}

interface Dead {
  /** The advisory's place. */
  at: number;
  letter: DeadLetter;
}

/** As the server writes it. */
type AdvisoryJson = Partial<Record<'stream' | 'stream_seq' | 'deliveries' | 'timestamp', unknown>>;

interface Swept {
  count: number;
  /** The first advisory whose letter could not be stored. */
  failed?: { at: number; error: unknown };
}

const utf8 = new TextDecoder();
const ADVISORIES = '$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES';
/** Advisories, and bytes of their messages, between two commits of how far it came. */
const PART = 100;
const PART_BYTES = 8 * 1024 * 1024;

/**
 * Makes dead letters of messages that died silently: their consumer did not answer the last delivery, and the server told
 * only an advisory, which a stream keeps. Reads on from where the last sweep ended, so that nothing of the
 * time when nobody was looking is missed. One pod at a time: the others find the row locked and leave. Returns how many
 * letters it stored. A message whose row stands is none: only its ack was lost. What is no advisory is told and passed over;
 * rejects where a letter could not be stored now, behind the others of its part, and the next sweep begins with it.
 */
export async function sweep(options: SweepOptions): Promise<number> {
  const { jsm, lane, config, signal } = options;
  const home = await advisoryStream(jsm, config.durable);
  if (!home) return 0;
  const key = [config.durable, home.name, home.created];
  await lane.query(
    'INSERT INTO normalize_sweeps (durable, stream, created) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING',
    key,
  );
  let stored = 0;
  for (let more = true; more && !signal.aborted;) {
    const part = await lane.transaction(() => sweepPart(options, home.name, key));
    stored += part.count;
    if (part.failed) throw part.failed.error;
    more = part.more;
  }
  return stored;
}

/** One part, and how far it came: as far as its letters stand. */
async function sweepPart(
  options: SweepOptions,
  home: string,
  key: readonly string[],
): Promise<Swept & { more: boolean }> {
  const { lane } = options;
  const { rows } = await lane.query(
    'SELECT last_seq FROM normalize_sweeps WHERE durable = $1 AND stream = $2 AND created = $3 FOR UPDATE SKIP LOCKED',
    [...key],
  );
  if (rows.length === 0) return { count: 0, more: false };
  const { dead, seq, more } = await readPart(options, home, Number(rows[0].last_seq));
  const buried = await buryPart(options, dead);
  await lane.query(
    'UPDATE normalize_sweeps SET last_seq = $4 WHERE durable = $1 AND stream = $2 AND created = $3',
    [...key, buried.failed ? buried.failed.at - 1 : seq],
  );
  return { ...buried, more };
}

/** Reads the next advisories and what they are about; `seq` is how far it came. */
async function readPart(
  { nc, config, log, signal }: SweepOptions,
  home: string,
  after: number,
): Promise<{ dead: Dead[]; seq: number; more: boolean }> {
  const dead: Dead[] = [];
  let seq = after;
  let bytes = 0;
  while (dead.length < PART && bytes < PART_BYTES && !signal.aborted) {
    const next = await readStored(nc, home, {
      seq: seq + 1,
      next_by_subj: `${ADVISORIES}.*.${config.durable}`,
    });
    if (!next) return { dead, seq, more: false };
    const advisory = toAdvisory(next);
    if (advisory) {
      const letter = await letterOf(nc, advisory, config);
      dead.push({ at: next.seq, letter });
      bytes += letter.data.length;
    } else log.error(`[normalize-hrv] Sweeper: message ${next.seq} of ${home} is no advisory; passed over`);
    seq = next.seq;
  }
  return { dead, seq, more: true };
}

/** Stores the letters that do not stand yet; says which was the first that could not be stored. */
async function buryPart(
  { nc, jsm, lane, config, onSwept, signal }: SweepOptions,
  dead: readonly Dead[],
): Promise<Swept> {
  if (dead.length === 0) return { count: 0 };
  const ids = new Set(dead.flatMap(({ letter }) => deadLetterIds(letter)));
  const since = Math.min(...dead.map(({ letter }) => lettersSinceMs(letter)));
  const buried = await findBuried(nc, jsm, config.dlqPrefix, ids, since);
  let count = 0;
  let failed: { at: number; error: unknown } | undefined;
  for (const { at, letter } of dead) {
    try {
      if (signal.aborted) throw new Error('stopped');
      if ((await isAmong(nc, buried, letter)) || (await hasRow(lane, letter))) continue;
      const seq = await storeDeadLetter(nc, config.dlqPrefix, letter);
      if (seq === undefined) continue;
      const [id] = deadLetterIds(letter);
      buried.letters.set(id, [...(buried.letters.get(id) ?? []), seq]);
      onSwept(letter);
      count++;
    } catch (error) {
      failed ??= { at, error };
      if (error instanceof DatabaseAway || signal.aborted) break;
    }
  }
  return failed ? { count, failed } : { count };
}

/** Undefined: something else, whoever published it there. */
function toAdvisory({ data, storedMs }: Stored): Advisory | undefined {
  try {
    const { stream, stream_seq, deliveries, timestamp } = JSON.parse(utf8.decode(data)) as AdvisoryJson;
    if (typeof stream !== 'string' || !/^[^\s.*>/\\]+$/.test(stream)) return undefined;
    if (!Number.isSafeInteger(stream_seq) || Number(stream_seq) < 1) return undefined;
    const diedMs = Date.parse(String(timestamp)) || storedMs;
    return { stream, stream_seq: Number(stream_seq), deliveries: Number(deliveries) || 0, diedMs };
  } catch {
    return undefined;
  }
}

async function advisoryStream(
  jsm: JetStreamManager,
  durable: string,
): Promise<{ name: string; created: string } | undefined> {
  try {
    const name = await jsm.streams.find(`${ADVISORIES}.any.${durable}`);
    return { name, created: (await jsm.streams.info(name)).created };
  } catch (error) {
    if (error instanceof Error && /no stream matches subject/i.test(error.message)) return undefined;
    throw error;
  }
}

/**
 * The message as it stands in its stream; when it is gone from there, a letter that says so and has no body. One that was stored
 * after the death is another: its stream was made anew.
 */
async function letterOf(
  nc: NatsConnection,
  advisory: Advisory,
  config: SweepOptions['config'],
): Promise<DeadLetter> {
  const { stream, stream_seq: seq, deliveries, diedMs } = advisory;
  const found = await readStored(nc, stream, { seq });
  const message = found && found.storedMs <= diedMs + CLOCKS_MS ? found : undefined;
  return {
    reason: message ? 'max_deliver' : 'expired',
    error: `delivered ${deliveries} times and never answered${message ? '' : ', and gone from its stream'}`,
    stream,
    seq,
    subject: message?.subject ?? config.subject,
    durable: config.durable,
    deliveries,
    atMs: message?.storedMs ?? diedMs,
    data: message?.data ?? new Uint8Array(),
    headers: message?.headers,
  };
}

/** Whether the event was stored after all, so that only its ack was lost. */
async function hasRow(lane: Lane, letter: DeadLetter): Promise<boolean> {
  const event = parseHrvEvent(letter.data);
  if (isInvalid(event)) return false;
  // A value that the table's columns cannot hold fails the question as well, and must not take the transaction with it.
  await lane.query('SAVEPOINT question');
  try {
    return await lane.isStored({ event, capturedAtMs: event.capturedAtMs ?? letter.atMs });
  } catch (error) {
    if (classify(error) === 'row') return false;
    throw error;
  } finally {
    await lane.query('ROLLBACK TO SAVEPOINT question');
  }
}
