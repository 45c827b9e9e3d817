import { consumerToWire, streamToWire } from '../fields/index.ts';
import type { ConsumerFields, Environment, Mode, Thresholds, Topology, Workload } from '../model.ts';
import type { EnvironmentInput, TopologyFile } from '../schema/topologyFile.ts';
import { nsToMs, parseDuration } from '../units/index.ts';

/** Where a file says nothing: the runbook's thresholds (its sections Monitoring and Rollback Procedure). */
const DEFAULT_THRESHOLDS = {
  deadLettersPerMinute: 10,
  databaseSilence: '2m',
  fallback: '5m',
  mixedStreams: '10m',
};

/**
 * The topology as one environment sees it. What is more special wins: the environment's fields over the mode's, the
 * mode's over the consumer's. An environment of which the file says nothing changes nothing. A pure function.
 */
export function resolveTopology(file: TopologyFile, name: string, source: string): Topology {
  const input: EnvironmentInput = file.environments[name] ?? { servers: [] };
  const streams = mapValues(file.streams, (fields, stream) => ({
    ...streamToWire(fields),
    ...streamToWire(input.streams?.[stream] ?? {}),
  }));
  const overrides = mapValues(input.consumers ?? {}, consumerToWire);
  return {
    name: file.name,
    environment: resolveEnvironment(file, name, input),
    streams,
    consumers: mapValues(file.consumers ?? {}, (fields, consumer) => ({
      ...consumerToWire(fields),
      ...overrides[consumer],
    })),
    modes: mapValues(file.modes, (mode, modeName) => resolveMode(modeName, mode, overrides)),
    workloads: (file.workloads ?? []).map((workload) => resolveWorkload(workload, input)),
    ...(file.configMap && { configMap: { ...file.configMap, data: file.configMap.data ?? {} } }),
    thresholds: resolveThresholds({ ...DEFAULT_THRESHOLDS, ...file.thresholds, ...input.thresholds }),
    source,
  };
}

function resolveEnvironment(file: TopologyFile, name: string, input: EnvironmentInput): Environment {
  const [onlyMode] = Object.keys(file.modes);
  return {
    name,
    servers: input.servers,
    platform: input.platform ?? 'none',
    ...(input.kubeContext !== undefined && { kubeContext: input.kubeContext }),
    ...(input.namespace !== undefined && { namespace: input.namespace }),
    replicas: input.replicas ?? 1,
    initialMode: input.initialMode ?? onlyMode ?? '',
    ...(input.databaseUrlFrom !== undefined && { databaseUrlFrom: input.databaseUrlFrom }),
    protected: input.protected ?? false,
  };
}

function resolveMode(
  name: string,
  mode: TopologyFile['modes'][string],
  overrides: Record<string, ConsumerFields>,
): Mode {
  return {
    name,
    subjects: mode.subjects ?? {},
    consumers: mapValues(mode.consumers ?? {}, ({ stream, ...fields }, consumer) => ({
      stream: String(stream),
      fields: { ...consumerToWire(fields), ...overrides[consumer] },
    })),
  };
}

function resolveWorkload(
  workload: NonNullable<TopologyFile['workloads']>[number],
  { workloads = {} }: EnvironmentInput,
): Workload {
  const override = Array.isArray(workloads)
    ? workloads.find(({ name }) => name === workload.name)
    : workloads[workload.name];
  const set = Object.entries(override ?? {}).filter(([, value]) => value !== undefined);
  return {
    health: '/health',
    metrics: '/metrics',
    ...dropUnset(workload),
    ...Object.fromEntries(set),
  } as Workload;
}

const resolveThresholds = (
  all: Record<keyof typeof DEFAULT_THRESHOLDS, string | number | undefined>,
): Thresholds => ({
  deadLettersPerMinute: Number(all.deadLettersPerMinute),
  databaseSilenceMs: msOf(all.databaseSilence),
  fallbackMs: msOf(all.fallback),
  mixedStreamsMs: msOf(all.mixedStreams),
});

const msOf = (duration: string | number | undefined) => nsToMs(parseDuration(String(duration)) ?? 0);
const dropUnset = (fields: object) =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
const mapValues = <T, U>(record: Record<string, T>, map: (value: T, key: string) => U): Record<string, U> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value, key)]));
