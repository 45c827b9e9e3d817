import { covers } from '../subjects/sets.ts';
import type { JetStreamWriter } from './account.ts';
import type { StreamMessage } from './delivered.ts';
import { readDirectBatches } from './directBatches.ts';
import type { Range } from './readRange.ts';
import { readReplicaBatches } from './replicaBatches.ts';
import { getMessages } from './singleGets.ts';
import { asDelivered } from './storedMessage.ts';

/** Single gets under way at once, and what they may bring: large messages come in smaller windows. */
const IN_FLIGHT = 512;
const BYTES_IN_FLIGHT = 8 * 1_024 * 1_024;

/**
 * Reads a range without a consumer of its own: of a work queue, which lets nobody read it beside its durables (10084, 10100), and where a consumer
 * brings nothing. By batches where the stream allows direct gets; else by single gets, a window of sequences at a time, and past what is gone by asking for
 * the next one that stands. Payloads come along, whether they are wanted or not.
 */
export async function* readByGets(
  account: JetStreamWriter,
  stream: string,
  { fromSeq, toSeq, filters = ['>'], signal }: Range & { toSeq: number },
): AsyncGenerator<StreamMessage[]> {
  const info = await account.stream(stream);
  if (!info) return;
  const average = info.state.bytes / Math.max(1, info.state.messages);
  const inFlight = Math.max(1, Math.min(IN_FLIGHT, Math.floor(BYTES_IN_FLIGHT / Math.max(1, average))));
  let next = Math.max(1, fromSeq);
  if (info.config.allow_direct) {
    const range = { fromSeq: next, toSeq, filters, signal };
    next = yield* (info.config.num_replicas ?? 1) > 1
      ? readReplicaBatches(account, stream, range, inFlight)
      : readDirectBatches(account, stream, range);
  }
  let isDense = false;
  while (next <= toSeq) {
    signal?.throwIfAborted();
    const first = isDense ? next : await firstFrom(account, stream, next, filters);
    if (first === undefined || first > toSeq) return;
    const last = Math.min(toSeq, first + inFlight - 1);
    const seqs = Array.from({ length: last - first + 1 }, (_, n) => first + n);
    const found = await getMessages(account, stream, seqs);
    const batch = found.flatMap((one) => (one && covers(filters, one.subject) ? [asDelivered(one)] : []));
    const end = found.at(-1);
    isDense = end !== undefined && covers(filters, end.subject);
    if (batch.length > 0) yield batch;
    next = last + 1;
  }
}

async function firstFrom(
  account: JetStreamWriter,
  stream: string,
  seq: number,
  filters: readonly string[],
): Promise<number | undefined> {
  const found = await Promise.all(
    filters.map((nextBySubject) => account.message(stream, { seq, nextBySubject })),
  );
  const seqs = found.flatMap((one) => (one ? [one.seq] : []));
  return seqs.length > 0 ? Math.min(...seqs) : undefined;
}
