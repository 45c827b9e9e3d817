import type {
  ConsumerConfig,
  ConsumerInfo,
  LiveAccount,
  StreamConfig,
  StreamInfo,
  Topology,
} from '../../../topology/src/index.ts';

const SECOND = 1e9;
export const HOUR = 3_600 * SECOND;
export const DAY = 24 * HOUR;

/** Athlete Ally's topology of the contract, as a value. */
export function athleteAlly(change: Partial<Topology> = {}): Topology {
  const deadLetters = ['dlq.>', '$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.>'];
  return {
    name: 'athlete-ally',
    environment: {
      name: 'local',
      servers: ['nats://127.0.0.1:4222'],
      platform: 'none',
      replicas: 1,
      initialMode: 'single',
      protected: false,
    },
    streams: {
      ATHLETE_ALLY_EVENTS: { storage: 'file', discard: 'old', max_age: 7 * DAY, compression: 's2' },
      AA_CORE_HOT: { storage: 'file', discard: 'old', max_age: 48 * HOUR, compression: 's2' },
      AA_VENDOR_HOT: { storage: 'file', discard: 'old', max_age: 48 * HOUR, compression: 's2' },
      AA_DLQ: { storage: 'file', discard: 'old', max_age: 14 * DAY, duplicate_window: HOUR },
    },
    consumers: {
      'normalize-hrv-durable': {
        filter_subjects: ['athlete-ally.hrv.raw-received'],
        ack_policy: 'explicit',
        deliver_policy: 'all',
        ack_wait: 60 * SECOND,
        max_deliver: 5,
      },
    },
    modes: {
      single: {
        name: 'single',
        subjects: {
          ATHLETE_ALLY_EVENTS: ['athlete-ally.>', 'vendor.oura.>', 'sleep.*'],
          AA_DLQ: deadLetters,
        },
        consumers: {
          'normalize-hrv-durable': { stream: 'ATHLETE_ALLY_EVENTS', fields: { ack_wait: 30 * SECOND } },
        },
      },
      multi: {
        name: 'multi',
        subjects: {
          AA_CORE_HOT: ['athlete-ally.>', 'sleep.*'],
          AA_VENDOR_HOT: ['vendor.>'],
          AA_DLQ: deadLetters,
        },
        consumers: { 'normalize-hrv-durable': { stream: 'AA_CORE_HOT', fields: {} } },
      },
    },
    workloads: [],
    thresholds: {
      deadLettersPerMinute: 10,
      databaseSilenceMs: 120_000,
      fallbackMs: 300_000,
      mixedStreamsMs: 600_000,
    },
    source: 'topology',
    ...change,
  };
}

/** A stream's info as nats-server 2.15.1 answers for a config that sets only these fields. */
export function streamInfo(config: StreamConfig, state: Partial<StreamInfo['state']> = {}): StreamInfo {
  return {
    config: {
      subjects: [],
      retention: 'limits',
      max_consumers: -1,
      max_msgs: -1,
      max_bytes: -1,
      max_age: 0,
      max_msgs_per_subject: -1,
      max_msg_size: -1,
      discard: 'old',
      storage: 'file',
      num_replicas: 1,
      duplicate_window: 120 * SECOND,
      compression: 'none',
      allow_direct: false,
      mirror_direct: false,
      sealed: false,
      deny_delete: false,
      deny_purge: false,
      allow_rollup_hdrs: false,
      consumer_limits: {},
      allow_msg_ttl: false,
      ...config,
      metadata: { '_nats.level': '5', '_nats.req.level': '0', '_nats.ver': '2.15.1', ...config.metadata },
    } as StreamInfo['config'],
    created: '2026-01-01T00:00:00Z',
    ts: '2026-01-02T00:00:00Z',
    state: {
      messages: 0,
      bytes: 0,
      first_seq: 0,
      first_ts: '0001-01-01T00:00:00Z',
      last_seq: 0,
      last_ts: '0001-01-01T00:00:00Z',
      consumer_count: 0,
      ...state,
    },
  };
}

/** A durable's info as nats-server 2.15.1 answers. */
export function consumerInfo(
  stream: string,
  config: ConsumerConfig & { durable_name: string },
): ConsumerInfo {
  return {
    stream_name: stream,
    name: config.durable_name,
    created: '2026-01-01T00:00:00Z',
    config: {
      name: config.durable_name,
      deliver_policy: 'all',
      ack_policy: 'explicit',
      ack_wait: 30 * SECOND,
      max_deliver: -1,
      replay_policy: 'instant',
      max_waiting: 512,
      max_ack_pending: 1000,
      num_replicas: 0,
      ...config,
      metadata: { '_nats.level': '5', '_nats.req.level': '0', '_nats.ver': '2.15.1', ...config.metadata },
    },
    delivered: { consumer_seq: 0, stream_seq: 0 },
    ack_floor: { consumer_seq: 0, stream_seq: 0 },
    num_ack_pending: 0,
    num_redelivered: 0,
    num_waiting: 0,
    num_pending: 0,
  };
}

/** An account that holds these streams and consumers, as `readLive` would give it for the topology. */
export function account(
  topology: Topology,
  streams: StreamInfo[],
  consumers: ConsumerInfo[] = [],
  version = '2.15.1',
): LiveAccount {
  const named = streams.filter((info) => info.config.name in topology.streams);
  return {
    server: { version, name: 's1', urls: [], maxPayload: 1_048_576 },
    account: {
      memory: 0,
      storage: 0,
      streams: streams.length,
      consumers: consumers.length,
      limits: { max_memory: -1, max_storage: -1, max_streams: -1, max_consumers: -1 },
    },
    streams: new Map(
      named.map((info) => [
        info.config.name,
        { info, consumers: consumers.filter((one) => one.stream_name === info.config.name) },
      ]),
    ),
    foreign: streams
      .filter((info) => !named.includes(info))
      .map((info) => ({ info, internal: info.config.name.startsWith('KV_') })),
  };
}
