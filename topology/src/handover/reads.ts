import { copiedFrom, type JetStreamReader, MessageHeaders, type StoredMessage } from '../jetstream/index.ts';
import { covers } from '../subjects/sets.ts';

/** The last message on any of the filters; undefined where there is none. One request a filter. */
export async function lastOn(
  account: JetStreamReader,
  stream: string,
  filters: readonly string[],
): Promise<StoredMessage | undefined> {
  const found = await Promise.all(
    filters.map((filter) => account.message(stream, { lastBySubject: filter })),
  );
  return found.reduce<StoredMessage | undefined>((a, b) => (b && (!a || b.seq > a.seq) ? b : a), undefined);
}

/** The first message at or behind `seq` on any of the filters; undefined where there is none. */
export async function firstOn(
  account: JetStreamReader,
  stream: string,
  seq: number,
  filters: readonly string[],
): Promise<StoredMessage | undefined> {
  const found = await Promise.all(
    filters.map((filter) => account.message(stream, { seq: Math.max(1, seq), nextBySubject: filter })),
  );
  return found.reduce<StoredMessage | undefined>((a, b) => (b && (!a || b.seq < a.seq) ? b : a), undefined);
}

/** Where a stored message was copied from, if it was. */
export const originOf = (message: StoredMessage): { stream: string; seq: number } | undefined =>
  copiedFrom(new MessageHeaders(message.headers));

export const messageIdOf = (message: StoredMessage): string | undefined =>
  new MessageHeaders(message.headers).first('Nats-Msg-Id');

/** How far a copy has come: the newest of its messages in the target, or undefined while there is none. */
export async function copiedThrough(
  account: JetStreamReader,
  copy: {
    origin: string;
    target: string;
    filters: readonly string[];
    startSeq: number;
    targetFromSeq: number;
  },
): Promise<{ originSeq: number; targetSeq: number } | undefined> {
  const last = await lastOn(account, copy.target, copy.filters);
  if (!last || last.seq < copy.targetFromSeq) return undefined;
  const source = originOf(last);
  if (source?.stream !== copy.origin || source.seq < copy.startSeq) return undefined;
  return { originSeq: source.seq, targetSeq: last.seq };
}

/** Single gets under way at once, and what they may bring: large messages come in smaller windows. */
const IN_FLIGHT = 256;
const BYTES_IN_FLIGHT = 8 * 1_024 * 1_024;

/** Reads a range in order by single gets, which a dry run may make as well: it has no right to make a consumer. */
export async function* walk(
  account: JetStreamReader,
  stream: string,
  { fromSeq, toSeq, filters }: { fromSeq: number; toSeq: number; filters: readonly string[] },
): AsyncGenerator<StoredMessage[]> {
  const state = (await account.stream(stream))?.state;
  if (!state || filters.length === 0) return;
  const average = state.bytes / Math.max(1, state.messages);
  const inFlight = Math.max(1, Math.min(IN_FLIGHT, Math.floor(BYTES_IN_FLIGHT / Math.max(1, average))));
  const end = Math.min(toSeq, state.last_seq);
  for (let next = fromSeq; next <= end; next += inFlight) {
    next = (await firstOn(account, stream, next, filters))?.seq ?? end + 1;
    const seqs = Array.from({ length: Math.max(0, Math.min(inFlight, end - next + 1)) }, (_, n) => next + n);
    const found = await Promise.all(seqs.map((seq) => account.message(stream, { seq })));
    const batch = found.flatMap((one) => (one && covers(filters, one.subject) ? [one] : []));
    if (batch.length > 0) yield batch;
  }
}
