import { type CommonConfig, readCommonConfig } from '../shared/config.ts';
import { ConfigError } from '../shared/configError.ts';
import { type Env, flag, integer, list, required, text } from '../shared/env.ts';

/** What normalize-service reads from the environment (docs/runtime.md lists it). */
export interface NormalizeConfig extends CommonConfig {
  databaseUrl: string;
  /** Connections that write batches: two keep it busy, a third only queues there (docs/performance.md). */
  databaseConnections: number;
  /** Streams to look for the durable on, first choice first. */
  candidates: readonly string[];
  durable: string;
  /** What it consumes; fixed by the contract, used when the durable is made and in labels until it is bound. */
  subject: string;
  /** Dead letters go to `<prefix>.<reason>`. */
  dlqPrefix: string;
  /** A missing durable is made, with the two values below, instead of waited for. */
  managesConsumers: boolean;
  maxDeliver: number;
  ackWaitMs: number;
  /** Rows of one statement at most. */
  batchSize: number;
  /** ms between two looks for messages that died silently; 0: never. */
  sweepIntervalMs: number;
}

/** Where the HRV durable lives in each mode, first choice first. */
const CANDIDATES = {
  multi: ['AA_CORE_HOT', 'ATHLETE_ALLY_EVENTS'],
  single: ['ATHLETE_ALLY_EVENTS'],
} as const;

/** Delay of a nak (seeds: "NAK with 5s delay"). */
export const RETRY_DELAY_MS = 5_000;

/** Throws ConfigError. */
export function readNormalizeConfig(env: Env): NormalizeConfig {
  const common = readCommonConfig(env, {
    serviceName: 'normalize-service',
    port: 4102,
    prometheusPort: 9464,
  });
  return {
    ...common,
    databaseUrl: databaseUrl(env),
    databaseConnections: integer(env, 'DATABASE_CONNECTIONS', 2, 1, 16),
    candidates: list(env, 'EVENT_STREAM_CANDIDATES', CANDIDATES[common.streamMode]).map((name) =>
      jetStreamName('EVENT_STREAM_CANDIDATES', name, 'stream'),
    ),
    durable: jetStreamName(
      'NORMALIZE_HRV_DURABLE',
      text(env, 'NORMALIZE_HRV_DURABLE') ?? 'normalize-hrv-durable',
      'consumer',
    ),
    subject: 'athlete-ally.hrv.raw-received',
    dlqPrefix: subjectPrefix(text(env, 'NORMALIZE_HRV_DLQ_SUBJECT') ?? 'dlq.normalize.hrv.raw-received'),
    managesConsumers: flag(env, 'FEATURE_SERVICE_MANAGES_CONSUMERS', false),
    maxDeliver: integer(env, 'NORMALIZE_HRV_MAX_DELIVER', 5, 1, 1_000_000),
    ackWaitMs: integer(
      env,
      'NORMALIZE_HRV_ACK_WAIT_MS',
      common.streamMode === 'multi' ? 60_000 : 30_000,
      100,
      3_600_000,
    ),
    batchSize: integer(env, 'NORMALIZE_BATCH_SIZE', 1_000, 1, 10_000),
    sweepIntervalMs: integer(env, 'NORMALIZE_SWEEP_INTERVAL_MS', 15_000, 0, 3_600_000),
  };
}

/** The value is never shown: a password may stand in it in any place. */
function databaseUrl(env: Env): string {
  const example = 'postgresql://user:password@host:5432/name';
  const value = required(env, 'DATABASE_URL', `the database, such as ${example}`);
  // Without a host the driver takes a socket's folder from `?host=`.
  const url = value.replace('@/', '@localhost/');
  if (URL.canParse(url) && /^postgres(ql)?:$/.test(new URL(url).protocol)) return value;
  throw new ConfigError(
    `DATABASE_URL is no URL of PostgreSQL, such as ${example}` +
      ' (in a password / is written %2F, @ %40, : %3A, # %23 and ? %3F)',
  );
}

function jetStreamName(variable: string, name: string, what: 'stream' | 'consumer'): string {
  if (/[\s.*>/\\]/.test(name)) {
    throw new ConfigError(`${variable}="${name}" is no ${what} name: no blanks, dots, slashes or wildcards`);
  }
  return name;
}

/** The runbook writes `dlq.normalize.hrv.raw-received.*` in places; the wildcard stands for the reason. */
function subjectPrefix(given: string): string {
  const prefix = given.replace(/\.[*>]$/, '');
  if (/[\s*>]/.test(prefix) || prefix.split('.').includes('')) {
    throw new ConfigError(`NORMALIZE_HRV_DLQ_SUBJECT="${given}" is no subject to publish to`);
  }
  return prefix;
}
