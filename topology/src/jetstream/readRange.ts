import { setTimeout as delay } from 'node:timers/promises';
import type { JetStreamWriter } from './account.ts';
import type { Msg, NatsConnection } from './clientTypes.ts';
import { newInbox } from './connect.ts';
import { createReader } from './createReader.ts';
import { Delivered, type StreamMessage } from './delivered.ts';
import { statusOf } from './headers.ts';
import { readByGets } from './readByGets.ts';

export interface Range {
  fromSeq: number;
  /** Inclusive; absent: what the stream holds when the reading starts. */
  toSeq?: number;
  /** Subject filters; absent: everything. */
  filters?: string[];
  /** The server sends no payloads (and adds `Nats-Msg-Size`). */
  headersOnly?: boolean;
  signal?: AbortSignal;
}

const BATCH = 2_000;
/** Of one batch: large messages come in smaller ones, so that memory does not depend on their size. */
const BATCH_BYTES = 8 * 1_024 * 1_024;
/** ms without a message or an answer after which the reading is taken up anew behind the last message that came. */
const STALL_MS = 3_000;
/** Then by single gets: those are answered by the stream's leader, and need no consumer that lives somewhere. */
const MAX_STALLS = 2;
/** ms that a replica may take to catch up with its leader, before the leader is read by gets, and between two looks. */
const BEHIND_MS = 10_000;
const BEHIND_WAIT_MS = 200;

/**
 * Reads a range of a stream in order, in batches, through a throw-away pull consumer: 100,000 messages a second and
 * more, where single gets manage a few thousand. A gap or a stall (leader change) makes a new consumer at the right place. Where
 * that brings nothing either, and of a work queue, which allows no such consumer, the rest is read by gets. The next batch
 * comes while this one is looked at.
 */
export const readRange = (
  account: JetStreamWriter,
  stream: string,
  range: Range,
): AsyncGenerator<StreamMessage[]> => oneAhead(readInOrder(account, stream, range));

async function* oneAhead<T>(source: AsyncGenerator<T>): AsyncGenerator<T> {
  let coming = source.next();
  try {
    for (;;) {
      const { value, done } = await coming;
      if (done) return;
      coming = source.next();
      coming.catch(() => {}); // told by whoever waits for it
      yield value;
    }
  } finally {
    await coming.catch(() => {});
    await source.return(undefined);
  }
}

async function* readInOrder(
  account: JetStreamWriter,
  stream: string,
  range: Range,
): AsyncGenerator<StreamMessage[]> {
  const info = await account.stream(stream);
  let next = range.fromSeq;
  const end = range.toSeq ?? info?.state.last_seq ?? 0;
  if (info?.config.retention === 'workqueue')
    return yield* readByGets(account, stream, { ...range, toSeq: end });
  let behindUntil: number | undefined;
  for (let stalls = 0; ;) {
    range.signal?.throwIfAborted();
    const pull = await openPull(account, stream, { ...range, fromSeq: next });
    try {
      let remaining = pull.pending;
      while (remaining > 0 && next <= end) {
        const batch = await pull.fetch(Math.min(BATCH, remaining));
        if (batch === 'stalled') break;
        remaining -= batch.length;
        stalls = 0;
        next = batch.at(-1)!.seq + 1;
        const within = batch.at(-1)!.seq > end ? batch.filter((m) => m.seq <= end) : batch;
        if (within.length > 0) yield within;
      }
      if (next > end) return;
      if (remaining <= 0) {
        if (!(await hasMore(account, stream, range.filters, next, end))) return;
        // It has not stalled: its replica has less than the leader.
        if (performance.now() <= (behindUntil ??= performance.now() + BEHIND_MS)) stalls -= 1;
        else stalls = MAX_STALLS;
        await delay(BEHIND_WAIT_MS);
      }
    } finally {
      await pull.close();
    }
    if (++stalls > MAX_STALLS)
      return yield* readByGets(account, stream, { ...range, fromSeq: next, toSeq: end });
  }
}

/**
 * A throw-away consumer of a replicated stream may live on a replica that lags behind (one that was cut off a moment ago),
 * and knows of no more than that holds. Single gets are answered by the leader.
 */
async function hasMore(
  account: JetStreamWriter,
  stream: string,
  filters: readonly string[] = ['>'],
  next: number,
  end: number,
): Promise<boolean> {
  const found = await Promise.all(
    filters.map((filter) => account.message(stream, { seq: next, nextBySubject: filter })),
  );
  return found.some((message) => message !== undefined && message.seq <= end);
}

interface Pull {
  pending: number;
  fetch(count: number): Promise<StreamMessage[] | 'stalled'>;
  close(): Promise<void>;
}

async function openPull(account: JetStreamWriter, stream: string, range: Range): Promise<Pull> {
  const { connection, api } = account;
  const created = await createReader(api, stream, range.fromSeq, {
    ...(range.headersOnly ? { headers_only: true } : {}),
    ...(range.filters?.length === 1 ? { filter_subject: range.filters[0]! } : {}),
    ...(range.filters && range.filters.length > 1 ? { filter_subjects: [...range.filters] } : {}),
  });
  const subject = `${account.apiPrefix}.CONSUMER.MSG.NEXT.${stream}.${created.name}`;
  let delivered = 0;
  return {
    pending: created.num_pending,
    fetch: async (count) => {
      let batch = await fetchBatch(connection, subject, { batch: count, max_bytes: BATCH_BYTES }, delivered);
      if (batch === 'too-large') batch = await fetchBatch(connection, subject, { batch: 1 }, delivered);
      if (batch === 'too-large') return 'stalled';
      if (batch !== 'stalled') delivered += batch.length;
      return batch;
    },
    // The consumer would go by itself after its inactivity; not to find it is as good.
    close: () =>
      api(`CONSUMER.DELETE.${stream}.${created.name}`).then(
        () => {},
        () => {},
      ),
  };
}

/**
 * Up to a count of messages; fewer after a silence or where they are large; never across a gap in the consumer's own
 * numbering. `too-large`: the next message alone is larger than the request allows.
 */
function fetchBatch(
  connection: NatsConnection,
  subject: string,
  request: { batch: number; max_bytes?: number },
  delivered: number,
): Promise<StreamMessage[] | 'stalled' | 'too-large'> {
  return new Promise((resolve) => {
    const inbox = newInbox(connection);
    const batch: StreamMessage[] = [];
    const finish = (otherwise: 'stalled' | 'too-large' = 'stalled'): void => {
      clearTimeout(timer);
      subscription.unsubscribe();
      resolve(batch.length > 0 ? batch : otherwise);
    };
    const timer = setTimeout(() => finish(), STALL_MS);
    const subscription = connection.subscribe(inbox, {
      callback: (error, message: Msg) => {
        if (error || isStatus(message))
          return finish(!error && isTooLarge(message) ? 'too-large' : 'stalled');
        const one = new Delivered(message);
        if (one.consumerSeq !== delivered + batch.length + 1) return finish(); // a gap: taken up anew behind the last good one
        batch.push(one);
        if (batch.length >= request.batch) finish();
        else timer.refresh();
      },
    });
    connection.publish(subject, JSON.stringify({ ...request, expires: STALL_MS * 1_000_000 }), {
      reply: inbox,
    });
  });
}

/** 100 heartbeat, 404 no messages, 408 expired, 409 consumer gone: the end of what this request brings. */
const isStatus = (message: Msg): boolean => statusOf(message).code >= 100;

/** 409 `Message Size Exceeds MaxBytes`, as ADR-13 has it; the consumer itself is well. */
function isTooLarge(message: Msg): boolean {
  const { code, description } = statusOf(message);
  return code === 409 && /max\s?bytes/i.test(description);
}
