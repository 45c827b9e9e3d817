import type { StreamSource } from '../jetstream/wire.ts';

/** Deep equality of JSON values, whatever the order of keys. Fast where both are plain or lists of plain values. */
export function sameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) && Array.isArray(b)) {
    if (a.length !== b.length) return false;
    if (a.every((one, at) => one === b[at])) return true;
  }
  return canonicalJson(a) === canonicalJson(b);
}

/** JSON with sorted keys: equal values give equal text. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, one: unknown) =>
    one !== null && typeof one === 'object' && !Array.isArray(one)
      ? Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1)))
      : one,
  );
}

export const EMPTY_LIST: readonly never[] = Object.freeze([]);
export const EMPTY_OBJECT: Readonly<Record<string, never>> = Object.freeze({});

/** What a server writes into metadata by itself starts so (ADR-44), and what a migration leaves in a durable that it made. */
const SERVER_METADATA = /^(_nats|aa-ops)\./;

/** Metadata as somebody set it, without the server's own and ours. */
export function withoutServerMetadata(
  metadata: Record<string, string> | undefined,
): Readonly<Record<string, string>> {
  let own: Record<string, string> | undefined;
  for (const key in metadata) if (!SERVER_METADATA.test(key)) (own ??= {})[key] = metadata[key]!;
  return own ?? EMPTY_OBJECT;
}

/** Only what the server, and we, wrote into it. */
export const serverMetadata = (metadata: Record<string, string> | undefined): Record<string, string> =>
  Object.fromEntries(Object.entries(metadata ?? {}).filter(([key]) => SERVER_METADATA.test(key)));

/** A list that is a set, so that two of them compare: sorted. */
export function sorted(list: readonly string[] | undefined): readonly string[] {
  if (!list?.length) return EMPTY_LIST;
  return list.length === 1 ? list : [...list].sort();
}

/** A source or mirror without where it once started, and its transforms as a set. */
export function comparableSource(source: StreamSource): object {
  const { opt_start_seq: _seq, opt_start_time: _time, ...rest } = source;
  return compact({
    ...rest,
    subject_transforms: (source.subject_transforms ?? []).map(compact).sort(byJson),
    external: source.external ? compact(source.external) : undefined,
  });
}

/** Without empty texts, zeros, false and empty lists, which Go's `omitempty` leaves out as well. */
export function compact(value: object): object {
  const set = Object.entries(value).filter(([, one]) => !isZero(one));
  return set.length === 0 ? EMPTY_OBJECT : Object.fromEntries(set);
}

const isZero = (value: unknown): boolean => !value || (Array.isArray(value) && value.length === 0); // '', 0, false, null, undefined

export const byJson = (a: object, b: object): number => (canonicalJson(a) < canonicalJson(b) ? -1 : 1);
