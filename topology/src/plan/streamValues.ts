import { epochOfSource, ownRetention } from '../handover/names.ts';
import type { StreamConfig, StreamSource } from '../jetstream/wire.ts';
import { realSubjects } from '../model.ts';
import {
  byJson,
  comparableSource,
  compact,
  EMPTY_LIST,
  EMPTY_OBJECT,
  sorted,
  withoutServerMetadata,
} from './values.ts';

type Config = Partial<StreamConfig>;
type Read = (config: Config) => unknown;

/** server/stream.go, StreamDefaultDuplicatesWindow. */
const DUPLICATE_WINDOW_NS = 120e9;

/** 0 and everything below -1 is what -1 is: no limit. */
const limit = (value: number | undefined): number => (value !== undefined && value > 0 ? value : -1);
const keepsMarkers = (config: Config): boolean => (config.subject_delete_marker_ttl ?? 0) > 0;

/**
 * The stream fields that a plan compares, and each as it counts: unset is what the server makes of it (server/stream.go,
 * checkStreamCfg), lists are sets, and what is not drift is left out: placeholders, the server's own metadata, where a copy
 * once started. Fields that are not here (first_seq, those of newer servers) are left as they stand.
 */
export const streamValues: Readonly<Record<string, Read>> = {
  subjects: (config) => sorted(realSubjects(config.subjects)),
  description: (config) => config.description ?? '',
  retention: (config) => ownRetention(config),
  storage: (config) => config.storage ?? 'file',
  discard: (config) => config.discard ?? 'old',
  discard_new_per_subject: (config) => config.discard_new_per_subject ?? false,
  max_age: (config) => config.max_age ?? 0,
  max_msgs: (config) => limit(config.max_msgs),
  max_msgs_per_subject: (config) => limit(config.max_msgs_per_subject),
  max_bytes: (config) => limit(config.max_bytes),
  max_msg_size: (config) => limit(config.max_msg_size),
  max_consumers: (config) => limit(config.max_consumers),
  num_replicas: (config) => config.num_replicas || 1,
  duplicate_window: duplicateWindow,
  compression: (config) => config.compression ?? 'none',
  allow_direct: (config) => config.allow_direct ?? false,
  mirror_direct: (config) => (config.mirror ? false : (config.mirror_direct ?? false)), // a mirror takes it from its origin
  allow_rollup_hdrs: (config) => keepsMarkers(config) || (config.allow_rollup_hdrs ?? false),
  allow_msg_ttl: (config) => keepsMarkers(config) || (config.allow_msg_ttl ?? false),
  subject_delete_marker_ttl: (config) => config.subject_delete_marker_ttl ?? 0,
  deny_delete: (config) => config.deny_delete ?? false,
  deny_purge: (config) => config.deny_purge ?? false,
  sealed: (config) => config.sealed ?? false,
  no_ack: (config) => config.no_ack ?? false,
  mirror: (config) => (config.mirror ? comparableSource(config.mirror) : null),
  sources: (config) =>
    config.sources?.length ? config.sources.map(comparableSource).sort(byJson) : EMPTY_LIST,
  subject_transform: (config) => (config.subject_transform?.dest ? compact(config.subject_transform) : null),
  republish: (config) => (config.republish ? compact({ src: '>', ...config.republish }) : null),
  placement,
  metadata: (config) => withoutServerMetadata(config.metadata),
  consumer_limits: (config) => (config.consumer_limits ? compact(config.consumer_limits) : EMPTY_OBJECT),
};

/** The default is shorter where messages do not live that long, and 0 for copies. A server may limit it further (jetstream limits). */
function duplicateWindow(config: Config): number {
  if (config.duplicate_window) return config.duplicate_window;
  if (config.mirror || config.sources?.length) return 0;
  return config.max_age ? Math.min(config.max_age, DUPLICATE_WINDOW_NS) : DUPLICATE_WINDOW_NS;
}

function placement({ placement }: Config): object | null {
  if (!placement) return null;
  const set = compact({ ...placement, tags: sorted(placement.tags) });
  return Object.keys(set).length === 0 ? null : set;
}

/** The sources of a live config that a handover made. */
export const handoverSources = (config: Pick<StreamConfig, 'sources'>): StreamSource[] =>
  (config.sources ?? []).filter((source) => epochOfSource(source) !== undefined);
