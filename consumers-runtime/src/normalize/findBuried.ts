import { AckPolicy, DeliverPolicy, type JetStreamManager, type JsMsg, type NatsConnection, nuid } from 'nats';
import { type DeadLetter, deadLetterIds } from './deadLetter.ts';
import { isLetterOf } from './isLetterOf.ts';
import { readStored } from './readStored.ts';

/** Letters of one request. */
const PART = 1_000;
/** A part that does not come within so long is not there. */
const PART_MS = 10_000;
/** Clocks of servers differ by less. */
const SKEW_MS = 600_000;

/** Letters that stand under ids that were asked for: their sequences in the dead letters' stream. */
export interface Buried {
  stream: string;
  letters: Map<string, number[]>;
}

/** Whether one of these letters is this message's own. */
export async function isAmong(
  nc: NatsConnection,
  { stream, letters }: Buried,
  letter: DeadLetter,
): Promise<boolean> {
  for (const id of deadLetterIds(letter)) {
    for (const seq of letters.get(id) ?? []) {
      const standing = await readStored(nc, stream, { seq });
      if (standing && isLetterOf(standing, letter)) return true;
    }
  }
  return false;
}

/**
 * The letters with these ids. The stream itself drops a second letter only within its duplicate window, and a message may be
 * delivered again, or its advisory told, hours after its letter. Reads the headers of all letters since `sinceMs` and keeps
 * nothing but what was asked for. Rejects unless it came to the end: an answer that is not complete would make second letters.
 */
export async function findBuried(
  nc: NatsConnection,
  jsm: JetStreamManager,
  prefix: string,
  ids: ReadonlySet<string>,
  sinceMs: number,
): Promise<Buried> {
  const letters = new Map<string, number[]>();
  const stream = await jsm.streams.find(`${prefix}.max_deliver`);
  const { name, num_pending } = await jsm.consumers.add(stream, {
    name: `aa-normalize-${nuid.next()}`, // without one the client asks on a subject that the pods have no right to
    ack_policy: AckPolicy.None,
    ...(sinceMs > SKEW_MS
      ? {
          deliver_policy: DeliverPolicy.StartTime,
          opt_start_time: new Date(sinceMs - SKEW_MS).toISOString(),
        }
      : { deliver_policy: DeliverPolicy.All }),
    filter_subject: `${prefix}.>`,
    headers_only: true,
    mem_storage: true,
    num_replicas: 1,
    inactive_threshold: 60e9,
  });
  try {
    const consumer = await nc.jetstream({ timeout: PART_MS }).consumers.get(stream, name);
    let read = 0;
    for (let pending = num_pending; pending > 0;) {
      const before = read;
      const part = await consumer.fetch({ max_messages: Math.min(PART, pending), expires: PART_MS });
      for await (const message of part) {
        const { info } = message;
        if (info.deliverySequence !== ++read) throw new Error(`dead letter ${read} was lost on its way`);
        pending = info.pending;
        const id = idOf(message);
        if (ids.has(id)) letters.set(id, [...(letters.get(id) ?? []), info.streamSequence]);
      }
      if (read === before) throw new Error(`dead letters could not be read: ${pending} of them are missing`);
    }
    return { stream, letters };
  } finally {
    await jsm.consumers.delete(stream, name).catch(() => {}); // it goes by itself as well
  }
}

/**
 * Whether a letter stands, for messages that were delivered before, here (the pod may have died between the letter and the terminate) or, copied, elsewhere.
 * While the stream itself would drop a second one, nothing is read. All that is asked during one reading is answered by the
 * next: after a crash thousands may ask.
 */
export function createBuriedCheck(
  nc: NatsConnection,
  jsm: JetStreamManager,
  prefix: string,
): (letter: DeadLetter) => Promise<boolean> {
  let next: { ids: Set<string>; sinceMs: number; found: Promise<Buried> } | undefined;
  let last: Promise<unknown> = Promise.resolve();

  async function read(): Promise<Buried> {
    const { ids, sinceMs } = next!;
    next = undefined;
    const stream = await jsm.streams.find(`${prefix}.max_deliver`);
    const { config, ts } = await jsm.streams.info(stream);
    const now = ts === undefined ? Date.now() : Date.parse(ts); // the server's clock, as its window goes by it
    const age = now - sinceMs;
    if (age < (config.duplicate_window ?? 0) / 2e6) return { stream, letters: new Map() };
    return findBuried(nc, jsm, prefix, ids, sinceMs);
  }

  return async (letter) => {
    const sinceMs = lettersSinceMs(letter);
    if (!next) {
      const found = last.then(read);
      last = found.catch(() => {});
      next = { ids: new Set(), sinceMs, found };
    }
    for (const id of deadLetterIds(letter)) next.ids.add(id);
    next.sinceMs = Math.min(next.sinceMs, sinceMs);
    return isAmong(nc, await next.found, letter);
  };
}

/** Where a message's letter may be at the earliest: behind the message, but one that was copied may have had its letter before that. */
export const lettersSinceMs = (letter: DeadLetter): number =>
  letter.reason === 'expired' || letter.headers?.has('Nats-Stream-Source') ? 0 : letter.atMs;

/** A message whose headers the client cannot read is no letter of ours. */
function idOf(message: JsMsg): string {
  try {
    return message.headers?.get('Nats-Msg-Id') ?? '';
  } catch {
    return '';
  }
}
