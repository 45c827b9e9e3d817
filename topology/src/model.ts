import type { ConsumerConfig, StreamConfig } from './jetstream/wire.ts';

/** JetStream's own config, in wire form (snake_case, durations in ns); what is unset is the server's default. */
export type StreamFields = Partial<Omit<StreamConfig, 'name' | 'subjects'>>;
/** Durable pull consumer config in wire form; `filter_subjects` is always a list here, never `filter_subject`. */
export type ConsumerFields = Partial<Omit<ConsumerConfig, 'durable_name' | 'name' | 'filter_subject'>>;

/** Which streams own which subjects, and where the durables live, in one mode. */
export interface Mode {
  name: string;
  /** Stream name to the subjects it owns. A stream that is absent here owns nothing in this mode. */
  subjects: Record<string, string[]>;
  /** Durable name to its stream and the fields that differ in this mode. */
  consumers: Record<string, { stream: string; fields: ConsumerFields }>;
}

export interface Workload {
  name: string;
  role: 'consumer' | 'producer';
  selector: Record<string, string>;
  port: number;
  /** Path of the health endpoint, e.g. `/health`. */
  health: string;
  /** Path of the Prometheus endpoint, e.g. `/metrics`. */
  metrics: string;
}

export interface ConfigMapSpec {
  name: string;
  /** The key that carries the mode; only aa-ops writes it. */
  modeKey: string;
  data: Record<string, string>;
}

/** All durations in ms. */
export interface Thresholds {
  deadLettersPerMinute: number;
  databaseSilenceMs: number;
  fallbackMs: number;
  mixedStreamsMs: number;
}

export interface Environment {
  name: string;
  servers: string[];
  platform: 'local' | 'kubernetes' | 'none';
  kubeContext?: string;
  namespace?: string;
  /** num_replicas of every stream that does not set its own. */
  replicas: number;
  initialMode: string;
  /** Name of the environment variable that holds the database URL. */
  databaseUrlFrom?: string;
  protected: boolean;
}

/**
 * A topology as one environment sees it: defaults filled in, the environment's overrides applied, durations and sizes
 * parsed. A pure value; nothing in it was read from a server.
 */
export interface Topology {
  name: string;
  environment: Environment;
  streams: Record<string, StreamFields>;
  consumers: Record<string, ConsumerFields>;
  modes: Record<string, Mode>;
  /** In restart order; empty: a migration is JetStream only. */
  workloads: Workload[];
  configMap?: ConfigMapSpec;
  thresholds: Thresholds;
  /** Where it was read from, for messages. */
  source: string;
}

/** A stream as it should stand in one mode; `subjects` holds the placeholder where the mode gives it none. */
export interface DesiredStream {
  name: string;
  subjects: string[];
  fields: StreamFields;
}

export interface DesiredConsumer {
  stream: string;
  name: string;
  fields: ConsumerFields;
}

/** What should stand in one mode. */
export interface Desired {
  mode: string;
  streams: DesiredStream[];
  consumers: DesiredConsumer[];
}

/** What a stream without subjects hears: an empty list would make the server fall back to the stream's name. */
export const placeholderSubject = (stream: string): string => `_aa-ops.closed.${stream}`;
/** Every subject that aa-ops keeps for itself starts so. */
export const RESERVED_PREFIX = '_aa-ops.';
/** The subjects that a stream really hears: without placeholders and whatever else we keep for ourselves. */
export const realSubjects = (subjects: readonly string[] | undefined): string[] =>
  (subjects ?? []).filter((subject) => !subject.startsWith(RESERVED_PREFIX));
/** The KV bucket of journal, lease and pair memory. */
export const STATE_BUCKET = 'aa-ops';

/** A mirror hears nothing at all: the server refuses even a placeholder (10034). */
function subjectsOf(name: string, fields: StreamFields, mode: Mode): string[] {
  if (mode.subjects[name]?.length) return mode.subjects[name];
  return fields.mirror ? [] : [placeholderSubject(name)];
}

/** The pure projection of a topology onto one of its modes. Throws a TypeError on a mode that it does not have. */
export function desiredIn(topology: Topology, modeName: string): Desired {
  const mode = topology.modes[modeName];
  if (!mode) throw new TypeError(`no mode ${modeName} in topology ${topology.name}`);
  const replicas = topology.environment.replicas;
  return {
    mode: modeName,
    streams: Object.entries(topology.streams).map(([name, fields]) => ({
      name,
      subjects: subjectsOf(name, fields, mode),
      fields: { num_replicas: replicas, ...fields },
    })),
    consumers: Object.entries(mode.consumers).map(([name, { stream, fields }]) => ({
      stream,
      name,
      fields: { ...topology.consumers[name], ...fields },
    })),
  };
}
