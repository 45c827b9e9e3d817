import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { bulkHistogram } from '../shared/bulkHistogram.ts';
import type { Binding } from './bind.ts';
import type { Incoming, Outcome } from './message.ts';

/** What normalize counts; names and labels never change. */
export interface NormalizeMetrics {
  /** Makes the series of a binding visible at 0. */
  bound(binding: Binding): void;
  settled(incoming: Incoming, outcome: Outcome, nowMs: number): void;
  /** A letter of the sweeper's, for a delivery that nobody settled. */
  swept(letter: { subject: string; stream: string }): void;
  batch(size: number, ms: number, stored: boolean): void;
}

/** Read when somebody looks at /metrics. */
export interface GaugeSources {
  binding(): Binding | undefined;
  oldestHeldMs(): number;
  held(): number;
}

const RESULTS = ['success', 'retry', 'dlq', 'schema_invalid'] as const;
type Result = (typeof RESULTS)[number];
const TOPIC = 'hrv_raw_received';

/** A number that is counted up for each message; prom-client, whose labels cost more than the count, hears of it when somebody looks. */
interface Tally {
  readonly result: Result;
  readonly subject: string;
  readonly stream: string;
  count: number;
}

export function createNormalizeMetrics(
  registry: Registry,
  durable: string,
  sources: GaugeSources,
): NormalizeMetrics {
  const registers = [registry];
  const tallies = new Map<string, Tally>();
  let latest: Tally | undefined;
  new Counter({
    name: 'normalize_hrv_messages_total',
    help: 'Deliveries of HRV messages by how they were settled',
    labelNames: ['result', 'subject', 'stream', 'durable'],
    registers,
    collect() {
      this.reset();
      for (const { result, subject, stream, count } of tallies.values())
        this.inc({ result, subject, stream, durable }, count);
    },
  });
  new Counter({
    name: 'event_bus_events_consumed_total',
    help: 'Events taken from the bus by how they were settled',
    labelNames: ['topic', 'status'],
    registers,
    collect() {
      this.reset();
      for (const { result, count } of tallies.values()) this.inc({ topic: TOPIC, status: result }, count);
    },
  });
  const batchSize = new Histogram({
    name: 'normalize_hrv_batch_size',
    help: 'Messages of one batch',
    buckets: [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000],
    registers,
  });
  const batchSeconds = new Histogram({
    name: 'normalize_hrv_batch_duration_seconds',
    help: 'Time from the first byte parsed to the commit of a batch',
    labelNames: ['stored'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  });
  const latency = bulkHistogram(registry, {
    name: 'normalize_hrv_event_to_row_seconds',
    help: "Time from the stream's storing of an event to its row's commit, by the two machines' clocks",
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600, 3_600],
  });
  gauge(
    'normalize_hrv_pending',
    'Messages the durable has not delivered yet',
    () => sources.binding()?.pending,
  );
  gauge(
    'normalize_hrv_ack_pending',
    'Messages delivered to any pod and not acked',
    () => sources.binding()?.ackPending,
  );
  gauge('normalize_hrv_held', 'Messages in this pod that are not settled', sources.held);
  gauge(
    'normalize_hrv_oldest_held_seconds',
    'Age of the oldest of them',
    () => sources.oldestHeldMs() / 1_000,
  );

  /** What is not known has no sample: a NaN would be in every sum that an alert takes, and keep it silent. */
  function gauge(name: string, help: string, read: () => number | undefined): void {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        const value = read();
        if (value === undefined) this.remove();
        else this.set(value);
      },
    });
  }

  function tally(result: Result, subject: string, stream: string): Tally {
    if (latest?.result === result && latest.subject === subject && latest.stream === stream) return latest;
    const key = `${result} ${subject} ${stream}`;
    latest = tallies.get(key) ?? { result, subject, stream, count: 0 };
    tallies.set(key, latest);
    return latest;
  }

  return {
    bound({ subject, stream }) {
      for (const result of RESULTS) tally(result, subject, stream);
    },
    settled(incoming, outcome, nowMs) {
      tally(resultOf(outcome), incoming.subject, incoming.stream).count++;
      if (outcome.kind === 'success') latency(Math.max(0, nowMs - incoming.storedMs) / 1_000);
    },
    swept: ({ subject, stream }) => void tally('dlq', subject, stream).count++,
    batch(size, ms, stored) {
      batchSize.observe(size);
      batchSeconds.labels(String(stored)).observe(ms / 1_000);
    },
  };
}

function resultOf(outcome: Outcome): Result {
  if (outcome.kind !== 'deadLetter') return outcome.kind;
  return outcome.reason === 'schema_invalid' ? 'schema_invalid' : 'dlq';
}
