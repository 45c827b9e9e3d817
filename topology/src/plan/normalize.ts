import { epochOfSource } from '../handover/names.ts';
import type { ConsumerConfig, StreamConfig, StreamSource } from '../jetstream/wire.ts';
import { ownSubjects } from '../live/readMode.ts';
import { type ConsumerSurroundings, withConsumerDefaults, withStreamDefaults } from './defaults.ts';

/** Wire names to values that compare with `sameValue`: defaults filled in, lists that are sets sorted, our own marks gone. */
export type Comparable = Record<string, unknown>;

/** A config, desired or live, without what is not drift: server metadata, placeholders, where a copy once started. */
export function comparableStream(config: Partial<StreamConfig>): Comparable {
  const filled = withStreamDefaults(config);
  if (config.mirror) filled['mirror_direct'] = false; // the server takes it from the origin
  filled['subjects'] = ownSubjects(config.subjects).sort();
  filled['metadata'] = withoutServerMetadata(config.metadata);
  filled['sources'] = (config.sources ?? []).map(comparableSource).sort(byJson);
  filled['mirror'] = config.mirror ? comparableSource(config.mirror) : null;
  filled['republish'] = config.republish ? compact({ src: '>', ...config.republish }) : null;
  filled['subject_transform'] = config.subject_transform?.dest ? compact(config.subject_transform) : null;
  filled['consumer_limits'] = compact(config.consumer_limits ?? {});
  filled['placement'] = emptyAsNull(
    compact({ ...config.placement, tags: [...(config.placement?.tags ?? [])].sort() }),
  );
  return filled;
}

/** The same for a durable; one filter is a list of one. */
export function comparableConsumer(
  config: Partial<ConsumerConfig>,
  surroundings: ConsumerSurroundings,
): Comparable {
  const filled = withConsumerDefaults(config, surroundings);
  filled['filter_subjects'] = [
    ...(config.filter_subjects ?? (config.filter_subject ? [config.filter_subject] : [])),
  ].sort();
  filled['metadata'] = withoutServerMetadata(config.metadata);
  return filled;
}

/** Deep equality of JSON values, whatever the order of keys. */
export function sameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
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

/** What a server writes into metadata by itself starts so (ADR-44). */
const SERVER_METADATA = '_nats.';

export const withoutServerMetadata = (metadata: Record<string, string> | undefined): Record<string, string> =>
  Object.fromEntries(Object.entries(metadata ?? {}).filter(([key]) => !key.startsWith(SERVER_METADATA)));

/** The sources of a live config that a handover made. */
export const handoverSources = (config: Pick<StreamConfig, 'sources'>): StreamSource[] =>
  (config.sources ?? []).filter((source) => epochOfSource(source) !== undefined);

function comparableSource(source: StreamSource): object {
  const { opt_start_seq: _seq, opt_start_time: _time, ...rest } = source;
  const transforms = [...(source.subject_transforms ?? [])].map(compact).sort(byJson);
  return compact({
    ...rest,
    subject_transforms: transforms,
    external: source.external ? compact(source.external) : undefined,
  });
}

/** Without empty texts, zeros, false and empty lists, which Go's `omitempty` leaves out as well. */
function compact(value: object): object {
  return Object.fromEntries(
    Object.entries(value).filter(
      ([, one]) =>
        one !== undefined && one !== null && one !== '' && one !== 0 && one !== false && !isEmptyList(one),
    ),
  );
}

const isEmptyList = (value: unknown): boolean => Array.isArray(value) && value.length === 0;
const emptyAsNull = (value: object): object | null => (Object.keys(value).length === 0 ? null : value);
const byJson = (a: object, b: object): number => (canonicalJson(a) < canonicalJson(b) ? -1 : 1);
