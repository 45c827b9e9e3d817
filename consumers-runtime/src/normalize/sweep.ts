import type { JetStreamManager, NatsConnection } from 'nats';
import { isInvalid, parseHrvEvent } from '../shared/hrvEvent.ts';
import type { NormalizeConfig } from './config.ts';
import { type DeadLetter, deadLetterId, storeDeadLetter } from './deadLetter.ts';
import type { Lane } from './lane.ts';
import { readStored } from './readStored.ts';

export interface SweepOptions {
  nc: NatsConnection;
  jsm: JetStreamManager;
  /** A connection of its own: a sweep is one transaction. */
  lane: Lane;
  config: Pick<NormalizeConfig, 'durable' | 'subject' | 'dlqPrefix'>;
  onSwept(letter: DeadLetter): void;
}

interface Advisory {
  stream: string;
  stream_seq: number;
  deliveries: number;
}

const utf8 = new TextDecoder();
const ADVISORIES = '$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES';

/**
 * Makes dead letters of messages that died silently: their consumer did not answer the last delivery, and the server told
 * only an advisory, which a stream keeps (jetstream.md). Reads on from where the last sweep ended, so that nothing of the
 * time when nobody was looking is missed. One pod at a time: the others find the row locked and leave. Returns how many
 * letters it stored. A message whose row stands is none: only its ack was lost.
 */
export async function sweep({ nc, jsm, lane, config, onSwept }: SweepOptions): Promise<number> {
  const home = await advisoryStream(jsm, config.durable);
  if (!home) return 0;
  const key = [config.durable, home.name, home.created];
  await lane.query(
    'INSERT INTO normalize_sweeps (durable, stream, created) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING',
    key,
  );
  return lane.transaction(async () => {
    const { rows } = await lane.query(
      'SELECT last_seq FROM normalize_sweeps WHERE durable = $1 AND stream = $2 AND created = $3 FOR UPDATE SKIP LOCKED',
      key,
    );
    if (rows.length === 0) return 0;
    let seq = Number(rows[0].last_seq);
    let stored = 0;
    let buried: Set<string> | undefined;
    const filter = `${ADVISORIES}.*.${config.durable}`;
    for (
      let next = await readStored(nc, home.name, { seq: seq + 1, next_by_subj: filter });
      next;
      next = await readStored(nc, home.name, { seq: seq + 1, next_by_subj: filter })
    ) {
      const { letter, storedMs } = await letterOf(nc, JSON.parse(utf8.decode(next.data)) as Advisory, config);
      buried ??= await readBuried(nc, jsm, config.dlqPrefix);
      if (!buried.has(deadLetterId(letter)) && !(await hasRow(lane, letter, storedMs))) {
        await storeDeadLetter(nc, config.dlqPrefix, letter);
        onSwept(letter);
        stored++;
      }
      seq = next.seq;
    }
    await lane.query(
      'UPDATE normalize_sweeps SET last_seq = $4 WHERE durable = $1 AND stream = $2 AND created = $3',
      [...key, seq],
    );
    return stored;
  });
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

/** The message as it stands in its stream; when it has expired there, a letter that says so and has no body. */
async function letterOf(
  nc: NatsConnection,
  advisory: Advisory,
  config: SweepOptions['config'],
): Promise<{ letter: DeadLetter; storedMs: number }> {
  const { stream, stream_seq: seq, deliveries } = advisory;
  const message = await readStored(nc, stream, { seq });
  const letter: DeadLetter = {
    reason: message ? 'max_deliver' : 'expired',
    error: `delivered ${deliveries} times and never answered${message ? '' : ', and gone from its stream'}`,
    stream,
    seq,
    subject: message?.subject ?? config.subject,
    durable: config.durable,
    deliveries,
    data: message?.data ?? new Uint8Array(),
    headers: message?.headers,
  };
  return { letter, storedMs: message?.storedMs ?? 0 };
}

/**
 * The ids of all letters that stand. The stream itself drops a second letter only within its duplicate window, and an
 * advisory can be told hours after the letter, when nobody pulled in between.
 */
async function readBuried(nc: NatsConnection, jsm: JetStreamManager, prefix: string): Promise<Set<string>> {
  const buried = new Set<string>();
  const stream = await jsm.streams.find(`${prefix}.max_deliver`);
  const consumer = await nc.jetstream({ timeout: 10_000 }).consumers.get(stream, {
    filterSubjects: `${prefix}.>`,
    headers_only: true,
  });
  const { num_pending: count } = await consumer.info();
  if (count === 0) return buried;
  for await (const message of await consumer.fetch({ max_messages: count, expires: 30_000 })) {
    buried.add(message.headers?.get('Nats-Msg-Id') ?? '');
    if (message.info.pending === 0) break;
  }
  return buried;
}

/** Whether the event was stored after all, so that only its ack was lost. */
async function hasRow(lane: Lane, letter: DeadLetter, storedMs: number): Promise<boolean> {
  const event = parseHrvEvent(letter.data);
  return !isInvalid(event) && lane.isStored({ event, capturedAtMs: event.capturedAtMs ?? storedMs });
}
