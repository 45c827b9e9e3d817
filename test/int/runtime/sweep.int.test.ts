import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type Bus,
  clear,
  deadLetters,
  DURABLE,
  event,
  makeTopology,
  publish,
  rows,
  startBus,
  until,
} from './bus.ts';
import { startPod } from './pod.ts';

const STREAM = 'ATHLETE_ALLY_EVENTS';

describe('the sweeper', () => {
  let bus: Bus;

  beforeAll(async () => {
    bus = await startBus();
  });
  afterAll(() => bus.stop());
  beforeEach(async () => {
    await clear(bus);
    await makeTopology(bus, 'single', { ackWaitMs: 200, maxDeliver: 2 });
  });

  /** Takes messages as a pod does that dies with them, until the server has given them up. */
  async function dieWith(count: number): Promise<void> {
    const consumer = await bus.nc.jetstream().consumers.get(STREAM, DURABLE);
    for (let deliveries = 0; deliveries < 2 * count;) {
      const message = await consumer.next({ expires: 2_000 });
      if (message) deliveries++;
    }
    await until('the server told it', async () => {
      await consumer.next({ expires: 1_000 }); // the server gives a message up when it would deliver it once more
      const { state } = await bus.jsm.streams.info('AA_DLQ', { subjects_filter: '$JS.>' });
      return Object.values(state.subjects ?? {}).reduce((sum, n) => sum + n, 0) === count;
    });
  }

  it('makes one dead letter of each message that died silently while nobody was looking, with several pods', async () => {
    for (let i = 0; i < 3; i++) await publish(bus, event({ userId: `died-${i}` }));
    await dieWith(3);
    const pods = await Promise.all([1, 2, 3].map(() => startPod(bus, { NORMALIZE_SWEEP_INTERVAL_MS: '50' })));
    await until('all are swept', async () => (await deadLetters(bus)).length === 3);
    await publish(bus, event({ userId: 'alive' }));
    await until('the other lives', async () => (await rows(bus)).length === 1);
    await Promise.all(pods.map((pod) => pod.stop()));
    const letters = await deadLetters(bus);
    expect(letters.map((one) => one.header('AA-Dlq-Reason'))).toEqual(Array(3).fill('max_deliver'));
    expect(letters.map((one) => JSON.parse(one.body).userId)).toEqual(['died-0', 'died-1', 'died-2']);
    expect(letters[0]!.header('Nats-Msg-Id')).toBe(`dlq:${DURABLE}:${STREAM}:1`);
  });

  it('says `expired` when the message is gone, and leaves alone what was dead-lettered or stored after all', async () => {
    const expired = await publish(bus, event({ userId: 'expired' }));
    await publish(bus, event({ userId: 'stored' }));
    const buried = await publish(bus, event({ userId: 'buried' }));
    await dieWith(3);
    await bus.jsm.streams.deleteMessage(STREAM, expired);
    await bus.jsm.streams.update('AA_DLQ', { duplicate_window: 100e6 }); // the stream alone would take a second letter
    const first = await startPod(bus, { NORMALIZE_SWEEP_INTERVAL_MS: '0' });
    await bus.db.query(`INSERT INTO hrv_data VALUES ('stored', '2025-10-02', 55, 4, '2025-10-02T07:00:00Z')`);
    await first.stop();
    const { headers } = await import('nats');
    const own = headers();
    own.set('Nats-Msg-Id', `dlq:${DURABLE}:${STREAM}:${buried}`);
    await bus.nc
      .jetstream()
      .publish('dlq.normalize.hrv.raw-received.max_deliver', 'before', { headers: own });

    const pod = await startPod(bus, { NORMALIZE_SWEEP_INTERVAL_MS: '50' });
    await until('it is swept', async () => (await deadLetters(bus)).length === 2);
    await until('it has come to the end', async () => {
      const { rows: sweeps } = await bus.db.query('SELECT last_seq FROM normalize_sweeps');
      return Number(sweeps[0]?.last_seq) === 3;
    });
    await pod.stop();
    const letters = await deadLetters(bus);
    expect(letters.map((one) => [one.subject.split('.').at(-1), one.body])).toEqual([
      ['max_deliver', 'before'],
      ['expired', ''],
    ]);
    expect(letters[1]!.header('AA-Dlq-Seq')).toBe(String(expired));
  });

  it('passes over what is no advisory, tells it, and goes on with those behind it', async () => {
    const js = bus.nc.jetstream();
    const subject = `$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.${STREAM}.${DURABLE}`;
    for (const body of [
      'oops',
      'null',
      '{}',
      '{"stream":"a b","stream_seq":1}',
      '{"stream":"x","stream_seq":-1}',
    ])
      await js.publish(subject, body);
    await publish(bus, event({ userId: 'died' }));
    const consumer = await js.consumers.get(STREAM, DURABLE);
    for (let deliveries = 0; deliveries < 2;) if (await consumer.next({ expires: 2_000 })) deliveries++;
    await consumer.next({ expires: 1_000 });
    const pod = await startPod(bus, { NORMALIZE_SWEEP_INTERVAL_MS: '50' });
    await until('the one behind is swept', async () => (await deadLetters(bus)).length === 1);
    await pod.stop();
    expect(pod.lines.filter((line) => line.includes('is no advisory; passed over'))).toHaveLength(5);
  });

  it('goes on behind a value that the table cannot hold', async () => {
    const first = await startPod(bus, { NORMALIZE_SWEEP_INTERVAL_MS: '0' });
    await first.stop();
    await bus.db.query('ALTER TABLE hrv_data ALTER COLUMN rmssd TYPE numeric(8,2)'); // an adopted table's
    const died = [
      event({ userId: 'huge', rmssd: 1e9 }),
      event({ userId: 'died' }),
      event({ userId: 'stored' }),
    ];
    for (const one of died) await publish(bus, one);
    await dieWith(3);
    await bus.db.query(`INSERT INTO hrv_data VALUES ('stored', '2025-10-02', 55, 4, '2025-10-02T07:00:00Z')`);
    const pod = await startPod(bus, { NORMALIZE_SWEEP_INTERVAL_MS: '50' });
    await until('it has come to the end', async () => {
      const { rows: sweeps } = await bus.db.query('SELECT last_seq FROM normalize_sweeps');
      return Number(sweeps[0]?.last_seq) === 3;
    });
    await pod.stop();
    const letters = await deadLetters(bus);
    expect(letters.map((one) => JSON.parse(one.body).userId)).toEqual(['huge', 'died']);
    expect(pod.lines.filter((line) => line.includes('Sweeper'))).toHaveLength(1); // what it stored
  });

  it('reads all letters before it makes another, keeps how far it came, and leaves no consumer behind', async () => {
    const { headers } = await import('nats');
    const js = bus.nc.jetstream();
    const fill = async (from: number, count: number): Promise<void> => {
      for (let i = from; i < from + count; i++) {
        const own = headers();
        own.set('Nats-Msg-Id', `dlq:${DURABLE}:${STREAM}:${i}`);
        bus.nc.publish('dlq.normalize.hrv.raw-received.schema_invalid', 'before', { headers: own });
      }
      await bus.nc.flush();
    };
    await fill(1, 2_500);
    const tell = (seq: number): Promise<unknown> =>
      js.publish(
        `$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.${STREAM}.${DURABLE}`,
        JSON.stringify({ stream: STREAM, stream_seq: seq, deliveries: 2 }),
      );
    for (let seq = 2_350; seq <= 2_501; seq++) await tell(seq); // more than one part; the last one has no letter yet
    await bus.jsm.streams.update('AA_DLQ', { duplicate_window: 100e6 });
    const pod = await startPod(bus, { NORMALIZE_SWEEP_INTERVAL_MS: '50' });
    await until('the last one is swept', async () => {
      const { state } = await bus.jsm.streams.info('AA_DLQ', { subjects_filter: 'dlq.>' });
      return state.subjects?.['dlq.normalize.hrv.raw-received.expired'] === 1;
    });
    await until('it has come to the end', async () => {
      const { rows: sweeps } = await bus.db.query('SELECT last_seq FROM normalize_sweeps');
      return Number(sweeps[0]?.last_seq) === 2_500 + 152;
    });
    await pod.stop();
    const { state } = await bus.jsm.streams.info('AA_DLQ', { subjects_filter: 'dlq.>' });
    expect(state.subjects).toEqual({
      'dlq.normalize.hrv.raw-received.schema_invalid': 2_500,
      'dlq.normalize.hrv.raw-received.expired': 1,
    });
    expect(state.consumer_count).toBe(0);
  });
});
