import { z } from 'zod';
import { consumerFields, streamFields } from '../fields/index.ts';
import { count, duration, flag, object, tableSchema, text, textMap, texts } from './fieldSchema.ts';

const record = <T extends z.ZodType>(value: T) => z.record(z.string(), value, { error: 'map' });

const stream = tableSchema(streamFields).meta({ id: 'stream' });
const consumer = tableSchema(consumerFields).meta({ id: 'consumer' });

const modeConsumer = tableSchema(consumerFields, {
  stream: text.describe('Where the durable lives in this mode'),
}).meta({ id: 'modeConsumer', description: 'Fields set here override those of the consumer' });

const mode = object({
  subjects: record(texts)
    .optional()
    .describe('Stream to the subjects it owns; a stream that is absent hears nothing in this mode'),
  consumers: record(modeConsumer).optional().describe('Durable to the stream it lives on'),
});

const workloadShape = {
  role: z
    .enum(['consumer', 'producer'], { error: 'choice' })
    .describe('Consumers are restarted before producers'),
  selector: textMap.describe('Labels of its pods'),
  port: z.int({ error: 'port' }).min(1, { error: 'port' }).max(65_535, { error: 'port' }),
  health: text.optional().describe('Path of its health endpoint; default /health'),
  metrics: text.optional().describe('Path of its Prometheus endpoint; default /metrics'),
};
const workload = object({ name: text.describe('Name of its Deployment'), ...workloadShape });
const workloadFields = object(workloadShape).partial();

const thresholds = object({
  deadLettersPerMinute: count(0).describe('More than this, sustained, is red'),
  databaseSilence: duration.describe('No new row for so long is red'),
  fallback: duration.describe('A pod bound to a later stream candidate for so long is red'),
  mixedStreams: duration.describe('Pods bound to different streams for so long is red'),
}).partial();

const environment = object({
  servers: texts.describe('NATS URLs; --server and NATS_URL win'),
  platform: z
    .enum(['local', 'kubernetes', 'none'], { error: 'choice' })
    .optional()
    .describe('Where the pods run; default none: no pods are touched'),
  kubeContext: text.optional().describe('Context of the kubeconfig'),
  namespace: text.optional(),
  replicas: count(1).optional().describe('Of every stream that does not set its own; default 1'),
  initialMode: text
    .optional()
    .describe('The mode of an empty account; may be left out where there is one mode only'),
  databaseUrlFrom: text.optional().describe('Name of the environment variable that holds the database URL'),
  protected: flag.optional().describe('--yes is not enough: --confirm NAME is asked'),
  streams: record(stream).optional().describe('Fields that differ in this environment'),
  consumers: record(consumer).optional().describe('Fields that differ in this environment, in every mode'),
  workloads: z
    .union([record(workloadFields), z.array(object({ name: text, ...workloadFields.shape }))])
    .optional()
    .describe('Fields that differ in this environment, by name'),
  thresholds: thresholds.optional(),
});

/** The topology file, as it is written (docs/topology.md). */
export const topologyFile = object({
  version: z.literal(1, { error: 'version' }),
  name: text.describe('Prefixes every key of the journal'),
  streams: record(stream).describe('Every stream that may exist, whatever the mode'),
  consumers: record(consumer).optional().describe('Durable pull consumers'),
  modes: record(mode),
  workloads: z
    .array(workload, { error: 'list' })
    .optional()
    .describe('In restart order; absent: a migration is JetStream only'),
  configMap: object({
    name: text,
    modeKey: text.describe('The key that carries the mode; only aa-ops writes it'),
    data: textMap.optional(),
  }).optional(),
  thresholds: thresholds.optional(),
  environments: record(environment),
});

/** What a topology file says, shape checked, nothing resolved. */
export type TopologyFile = z.infer<typeof topologyFile>;
/** One environment as the file has it. */
export type EnvironmentInput = z.infer<typeof environment>;
