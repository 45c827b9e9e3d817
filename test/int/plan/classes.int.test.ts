import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  applyPlan,
  type ConsumerFields,
  type JetStreamWriter,
  makePlan,
  openWriter,
  pending,
  silentHost,
  type StreamFields,
  type Topology,
} from '../../../topology/src/index.ts';
import { type NatsServer, startNats } from '../../support/servers.ts';
import { athleteAlly } from '../../unit/plan/fixtures.ts';

let server: NatsServer;
let account: JetStreamWriter;
beforeAll(async () => {
  server = await startNats();
  account = await openWriter({ servers: [server.url] });
});
afterAll(async () => {
  await account?.close();
  await server?.stop();
});

const maybe = <T>(values: readonly T[]) => fc.option(fc.constantFrom(...values), { nil: undefined });

/** Stream fields that a server accepts together; `deny_purge` without roll-ups, windows within ages. */
const streamFields: fc.Arbitrary<StreamFields> = fc
  .record({
    description: maybe(['a', 'b']),
    storage: maybe(['file', 'memory'] as const),
    retention: maybe(['limits', 'interest', 'workqueue'] as const),
    discard: maybe(['old', 'new'] as const),
    max_age: maybe([0, 3600e9, 7200e9]),
    max_msgs: maybe([-1, 100, 200]),
    max_msgs_per_subject: maybe([-1, 5, 10]),
    max_bytes: maybe([-1, 1e6, 2e6]),
    max_msg_size: maybe([-1, 1e4, 2e4]),
    max_consumers: maybe([-1, 10, 20]),
    duplicate_window: maybe([60e9, 120e9]),
    compression: maybe(['none', 's2'] as const),
    allow_direct: maybe([true, false]),
    deny_delete: maybe([true, false]),
    no_ack: maybe([true, false]),
    metadata: maybe([{ a: '1' }, { a: '2', b: '1' }]),
    republish: maybe([{ dest: 'again.>' }, { src: 's.>', dest: 'again.>', headers_only: true }]),
    consumer_limits: maybe([
      { max_ack_pending: 5_000 },
      { max_ack_pending: 9_000, inactive_threshold: 7200e9 },
    ]),
    subject_transform: maybe([{ src: 's.a.*', dest: 's.b.{{wildcard(1)}}' }]),
  })
  .map(withoutUnset);

const consumerFields: fc.Arbitrary<ConsumerFields> = fc
  .record({
    description: maybe(['a', 'b']),
    filter_subjects: maybe([['s.a'], ['s.b'], ['s.a', 's.b']]),
    ack_policy: fc.constantFrom('explicit' as const, 'explicit' as const, 'all' as const),
    ack_wait: maybe([10e9, 60e9]),
    max_deliver: maybe([5, 7]),
    backoff: maybe([[1e9, 5e9], [2e9]]),
    max_ack_pending: maybe([10, 100]),
    max_waiting: maybe([10, 512]),
    max_batch: maybe([10, 20]),
    max_expires: maybe([5e9, 10e9]),
    inactive_threshold: maybe([3600e9, 1800e9]),
    headers_only: maybe([true, false]),
    replay_policy: maybe(['instant', 'original'] as const),
    mem_storage: maybe([true, false]),
    num_replicas: maybe([1]),
    metadata: maybe([{ a: '1' }]),
  })
  .map(withoutUnset);

function withoutUnset<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;
}

const only = (stream: StreamFields, durable?: ConsumerFields): Topology =>
  athleteAlly({
    streams: { S: stream },
    consumers: durable ? { d: durable } : {},
    modes: {
      single: {
        name: 'single',
        subjects: { S: ['s.>'] },
        consumers: durable ? { d: { stream: 'S', fields: {} } } : {},
      },
    },
  });

/** The plan says what the server does: what it lets through works and leaves nothing to do; what it refuses, the server refuses. */
async function holds(before: Topology, after: Topology): Promise<void> {
  await account.deleteStream('S').catch(() => {});
  await applyPlan(account, await makePlan(account, before), { allowDestructive: false, host: silentHost });
  expect(pending(await makePlan(account, before))).toEqual([]);
  const plan = await makePlan(account, after);
  const refused = pending(plan).filter(
    (change) => change.class === 'handover' || change.class === 'impossible',
  );
  for (const change of refused) {
    const write =
      change.kind === 'stream'
        ? account.updateStream(change.config)
        : account.updateConsumer(change.stream, change.config);
    await expect(write, `${change.class} ${change.name}: ${change.reason}`).rejects.toThrow(/100|err_code/);
  }
  if (refused.length > 0) return;
  await applyPlan(account, plan, { allowDestructive: false, host: silentHost });
  const left = pending(await makePlan(account, after)).map(({ name, fields }) => [name, fields]);
  expect(left).toEqual([]);
}

describe('the class that a plan gives is what the server does', () => {
  it('for any two configurations of a stream', async () => {
    await fc.assert(
      fc.asyncProperty(streamFields, streamFields, (before, after) => holds(only(before), only(after))),
      { numRuns: 150 },
    );
  });

  it('for any two configurations of a durable', async () => {
    await fc.assert(
      fc.asyncProperty(consumerFields, consumerFields, (before, after) =>
        holds(only({}, before), only({}, after)),
      ),
      { numRuns: 150 },
    );
  });
});
