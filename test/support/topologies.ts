import type { Topology } from '@aa-ops/topology';

type Owners = Record<string, string[]>;

/** A topology of two modes on one server, without pods: what the tests of handovers need. */
export function topologyOf(
  name: string,
  modes: Record<
    string,
    { subjects: Owners; consumers?: Record<string, { stream: string; filters: string[] }> }
  >,
): Topology {
  const streams = new Set(Object.values(modes).flatMap(({ subjects }) => Object.keys(subjects)));
  const consumers: Topology['consumers'] = {};
  for (const mode of Object.values(modes)) {
    for (const [consumer, { filters }] of Object.entries(mode.consumers ?? {})) {
      consumers[consumer] = {
        filter_subjects: filters,
        ack_policy: 'explicit',
        ack_wait: 4e9,
        max_deliver: 5,
        deliver_policy: 'all',
      };
    }
  }
  return {
    name,
    environment: {
      name: 'test',
      servers: [],
      platform: 'none',
      replicas: 1,
      initialMode: Object.keys(modes)[0]!,
      protected: false,
    },
    streams: Object.fromEntries(
      [...streams].map((stream) => [stream, { storage: 'file' as const, duplicate_window: 120e9 }]),
    ),
    consumers,
    modes: Object.fromEntries(
      Object.entries(modes).map(([mode, { subjects, consumers: durables = {} }]) => [
        mode,
        {
          name: mode,
          subjects,
          consumers: Object.fromEntries(
            Object.entries(durables).map(([n, { stream }]) => [n, { stream, fields: {} }]),
          ),
        },
      ]),
    ),
    workloads: [],
    thresholds: {
      deadLettersPerMinute: 10,
      databaseSilenceMs: 120_000,
      fallbackMs: 300_000,
      mixedStreamsMs: 600_000,
    },
    source: 'test',
  };
}

const HRV = 'athlete-ally.hrv.raw-received';

/** Athlete Ally's own: one stream into two, dead letters where they are. */
export const seedTopology = topologyOf('seed', {
  single: {
    subjects: { ATHLETE_ALLY_EVENTS: ['athlete-ally.>', 'vendor.oura.>', 'sleep.*'], AA_DLQ: ['dlq.>'] },
    consumers: { 'normalize-hrv-durable': { stream: 'ATHLETE_ALLY_EVENTS', filters: [HRV] } },
  },
  multi: {
    subjects: { AA_CORE_HOT: ['athlete-ally.>', 'sleep.*'], AA_VENDOR_HOT: ['vendor.>'], AA_DLQ: ['dlq.>'] },
    consumers: { 'normalize-hrv-durable': { stream: 'AA_CORE_HOT', filters: [HRV] } },
  },
});

const claims = (hot: string, vendor: string) => ({
  'normalize-hrv-durable': { stream: hot, filters: [HRV] },
  sleep: { stream: hot, filters: ['sleep.*'] },
  vendor: { stream: vendor, filters: ['vendor.oura.>'] },
});

/** The same of streams that drop what was worked: they have a durable for each of their subjects. */
export function claimedTopology(retention: 'interest' | 'workqueue'): Topology {
  const topology = topologyOf(retention, {
    single: {
      subjects: { ATHLETE_ALLY_EVENTS: [HRV, 'vendor.oura.>', 'sleep.*'] },
      consumers: claims('ATHLETE_ALLY_EVENTS', 'ATHLETE_ALLY_EVENTS'),
    },
    multi: {
      subjects: { AA_CORE_HOT: [HRV, 'sleep.*'], AA_VENDOR_HOT: ['vendor.oura.>'] },
      consumers: claims('AA_CORE_HOT', 'AA_VENDOR_HOT'),
    },
  });
  for (const fields of Object.values(topology.streams)) fields.retention = retention;
  return topology;
}

/** Three streams into two. */
export const threeIntoTwo = topologyOf('three-two', {
  single: {
    subjects: { ORDERS: ['orders.>'], BILLS: ['bills.*', 'refunds.>'], AUDIT: ['audit.>'] },
    consumers: {
      clerk: { stream: 'ORDERS', filters: ['orders.new.*'] },
      payer: { stream: 'BILLS', filters: ['bills.*'] },
    },
  },
  multi: {
    subjects: { SALES: ['orders.>', 'refunds.>'], BOOKS: ['bills.*', 'audit.>'] },
    consumers: {
      clerk: { stream: 'SALES', filters: ['orders.new.*'] },
      payer: { stream: 'BOOKS', filters: ['bills.*'] },
    },
  },
});

/** Two into five, one subject set split in three by wildcards, one stream that stays an owner of something. */
export const twoIntoFive = topologyOf('two-five', {
  single: {
    subjects: { SENSORS: ['sensor.*.raw', 'sensor.*.clean', 'alarm.>'], OPS: ['ops.>'] },
    consumers: { cleaner: { stream: 'SENSORS', filters: ['sensor.*.raw'] } },
  },
  multi: {
    subjects: {
      SENSORS: ['alarm.>'],
      RAW: ['sensor.*.raw'],
      CLEAN: ['sensor.*.clean'],
      OPS_EU: ['ops.eu.>'],
      OPS_US: ['ops.us.>'],
      OPS_REST: ['ops.ap.>'],
    },
    consumers: { cleaner: { stream: 'RAW', filters: ['sensor.*.raw'] } },
  },
});

/** A topology with other fields of one stream, or with one more. */
export const withStream = (
  topology: Topology,
  name: string,
  fields: Topology['streams'][string],
): Topology => ({
  ...topology,
  streams: { ...topology.streams, [name]: { ...topology.streams[name], ...fields } },
});
