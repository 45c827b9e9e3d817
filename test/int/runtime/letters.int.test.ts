import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  addDurable,
  type Bus,
  clear,
  deadLetters,
  drained,
  DURABLE,
  event,
  makeTopology,
  publish,
  rows,
  startBus,
  until,
} from './bus.ts';
import { type Pod, startPod } from './pod.ts';

const STREAM = 'ATHLETE_ALLY_EVENTS';

describe('the dead letters of a stream that was made anew', () => {
  let bus: Bus;
  let pod: Pod | undefined;

  beforeAll(async () => {
    bus = await startBus();
  });
  afterAll(() => bus.stop());
  beforeEach(async () => {
    await clear(bus);
    await makeTopology(bus);
  });
  afterEach(async () => {
    await pod?.stop();
    pod = undefined;
  });

  /** Its sequences begin again. */
  async function makeAnew(ackWaitMs = 30_000): Promise<void> {
    await bus.jsm.streams.delete(STREAM);
    await bus.jsm.streams.add({ name: STREAM, subjects: ['athlete-ally.>'] });
    await addDurable(bus, STREAM, { ackWaitMs });
  }

  /** As behind the hour that the dead letters' stream remembers ids. */
  async function forgetIds(): Promise<void> {
    await bus.jsm.streams.update('AA_DLQ', { duplicate_window: 100e6 });
    await until('the window is over', async () => {
      const { ts, state } = await bus.jsm.streams.info('AA_DLQ');
      return Date.parse(ts!) - Date.parse(state.last_ts) > 200;
    });
  }

  it('are one for each event, also where an earlier one stood at the same place, and none twice', async () => {
    pod = await startPod(bus, { NORMALIZE_SWEEP_INTERVAL_MS: '0' });
    await publish(bus, 'bad');
    await drained(bus);
    await makeAnew();
    await publish(bus, 'bad');
    await drained(bus);
    const id = `dlq:${DURABLE}:${STREAM}:1`;
    const letters = await deadLetters(bus);
    const storedMs = letters.map((letter) => Date.parse(letter.header('AA-Dlq-Stored')));
    expect(letters.map((letter) => letter.header('Nats-Msg-Id'))).toEqual([id, `${id}:${storedMs[1]}`]);
    expect(storedMs[0]).toBeLessThan(storedMs[1]!);
    await pod.stop();

    // As after a pod that died between the letter and the terminate, in the duplicate window and behind it.
    for (const isForgotten of [false, true]) {
      if (isForgotten) await forgetIds();
      await bus.jsm.consumers.delete(STREAM, DURABLE);
      await addDurable(bus, STREAM, { ackWaitMs: 200 });
      const consumer = await bus.nc.jetstream().consumers.get(STREAM, DURABLE);
      await consumer.next({ expires: 2_000 });
      pod = await startPod(bus, { NORMALIZE_SWEEP_INTERVAL_MS: '0' });
      await drained(bus);
      await pod.stop();
      expect(await deadLetters(bus)).toHaveLength(2);
    }
  });

  it('are one for an event and its copy, however late that is delivered, and one for another at the same place', async () => {
    pod = await startPod(bus);
    for (const body of ['bad', 'bad, too']) await publish(bus, body);
    await drained(bus);
    await pod.stop();
    await forgetIds();
    const copy = async (): Promise<void> => {
      const sourced = { name: 'AA_CORE_HOT', subjects: ['unheard'], sources: [{ name: STREAM }] };
      await bus.jsm.streams.add(sourced);
      await until('all are copied', async () => {
        const [one, other] = await Promise.all(
          [STREAM, 'AA_CORE_HOT'].map((name) => bus.jsm.streams.info(name)),
        );
        return one!.state.messages === other!.state.messages;
      });
      await addDurable(bus, 'AA_CORE_HOT');
    };
    await copy();
    pod = await startPod(bus, { EVENT_STREAM_MODE: 'multi' });
    await drained(bus, 'AA_CORE_HOT');
    await pod.stop();
    expect((await deadLetters(bus)).map(({ body }) => body)).toEqual(['bad', 'bad, too']);

    await makeAnew();
    await publish(bus, 'bad again');
    await bus.jsm.streams.delete('AA_CORE_HOT');
    await copy();
    pod = await startPod(bus, { EVENT_STREAM_MODE: 'multi' });
    await drained(bus, 'AA_CORE_HOT');
    expect((await deadLetters(bus)).map(({ body }) => body)).toEqual(['bad', 'bad, too', 'bad again']);
  });

  it('of the sweeper are not made of what stands now where another one died', async () => {
    const died = new Date(Date.now() - 60_000).toISOString();
    const tell = (): Promise<unknown> =>
      bus.nc
        .jetstream()
        .publish(
          `$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.${STREAM}.${DURABLE}`,
          JSON.stringify({ stream: STREAM, stream_seq: 1, deliveries: 5, timestamp: died }),
        );
    await publish(bus, event({ userId: 'alive' }));
    await tell();
    await tell();
    pod = await startPod(bus, { NORMALIZE_SWEEP_INTERVAL_MS: '50' });
    await until('it is swept', async () => {
      const { rows: sweeps } = await bus.db.query('SELECT last_seq FROM normalize_sweeps');
      return Number(sweeps[0]?.last_seq) === 2;
    });
    const letters = await deadLetters(bus);
    expect(letters.map((letter) => [letter.header('AA-Dlq-Reason'), letter.body])).toEqual([['expired', '']]);
    expect(letters[0]!.header('AA-Dlq-Stored')).toBe('');
    // A letter that says that another one is gone is not the letter of this one.
    await drained(bus);
    expect(await rows(bus)).toHaveLength(1);
    await makeAnew();
    await publish(bus, 'bad');
    await drained(bus);
    expect((await deadLetters(bus)).map(({ body }) => body)).toEqual(['', 'bad']);
  });
});
