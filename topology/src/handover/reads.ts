import { type JetStreamReader, parseHeaders, sourceOf, type StoredMessage } from '../jetstream/index.ts';

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
  sourceOf(parseHeaders(message.headers));

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
