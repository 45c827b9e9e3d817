import { AckPolicy } from 'nats';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  addDurable,
  type Bus,
  clear,
  drained,
  DURABLE,
  event,
  makeTopology,
  publish,
  rows,
  startBus,
  until,
} from './bus.ts';
import { messagesTotal, type Pod, startPod } from './pod.ts';

describe('binding', () => {
  let bus: Bus;
  const pods: Pod[] = [];
  const start = async (env: Record<string, string> = {}, ready = true): Promise<Pod> => {
    const pod = await startPod(bus, env, ready);
    pods.push(pod);
    return pod;
  };

  beforeAll(async () => {
    bus = await startBus();
  });
  afterAll(() => bus.stop());
  beforeEach(() => clear(bus));
  afterEach(async () => {
    await Promise.all(pods.splice(0).map((pod) => pod.stop()));
  });

  it('says what it does in the lines that operators grep', async () => {
    await makeTopology(bus, 'multi');
    const pod = await start({ EVENT_STREAM_MODE: 'multi' });
    expect(pod.lines).toEqual(
      expect.arrayContaining([
        '[event-bus] Stream mode: multi (EVENT_STREAM_MODE="multi")',
        '[normalize-service] Stream candidates: AA_CORE_HOT, ATHLETE_ALLY_EVENTS',
        '[normalize] Found existing HRV consumer on AA_CORE_HOT: normalize-hrv-durable',
        '[normalize] HRV durable pull consumer bound: normalize-hrv-durable, subject: athlete-ally.hrv.raw-received',
        '[normalize-hrv] DLQ subject prefix: dlq.normalize.hrv.raw-received',
      ]),
    );
    await publish(bus, event());
    await drained(bus, 'AA_CORE_HOT');
    expect(await pod.metric(messagesTotal('success', 'AA_CORE_HOT'))).toBe(1);
  });

  it('falls back to the next candidate, and moves up when nothing can be left behind', async () => {
    await makeTopology(bus, 'single');
    const pod = await start({ EVENT_STREAM_MODE: 'multi' });
    expect(pod.lines).toContain(
      '[normalize] Consumer normalize-hrv-durable not found on AA_CORE_HOT. Trying next candidate.',
    );
    await publish(bus, event({ userId: 'on-the-fall-back' }));
    await drained(bus);

    // The better stream stands with the durable, but hears nothing: a pod that moved there would strand every event.
    await bus.jsm.streams.add({ name: 'AA_CORE_HOT', subjects: ['_aa-ops.closed.AA_CORE_HOT'], sources: [] });
    await bus.jsm.consumers.add('AA_CORE_HOT', { durable_name: DURABLE, ack_policy: 'explicit' as never });
    await pod.stop();
    pods.splice(0);
    const other = await start({ EVENT_STREAM_CANDIDATES: 'ATHLETE_ALLY_EVENTS' });
    await publish(bus, event({ userId: 'still-there' }));
    await drained(bus);
    await other.stop();
    pods.splice(0);
    await bus.jsm.consumers.delete('AA_CORE_HOT', DURABLE);

    const mover = await start({ EVENT_STREAM_MODE: 'multi' });
    expect((await mover.health()).body.work.stream).toBe('ATHLETE_ALLY_EVENTS');
    // Ownership moves over, as a migration does it, and the durable appears.
    await bus.jsm.streams.update('ATHLETE_ALLY_EVENTS', { subjects: ['_aa-ops.closed.ATHLETE_ALLY_EVENTS'] });
    await bus.jsm.streams.update('AA_CORE_HOT', { subjects: ['athlete-ally.>', 'sleep.*'] });
    await addDurable(bus, 'AA_CORE_HOT');
    await publish(bus, event({ userId: 'after-the-move' }));
    await drained(bus, 'AA_CORE_HOT', 30_000);
    expect((await mover.health()).body.work.stream).toBe('AA_CORE_HOT');
    expect((await rows(bus)).map((row) => row.user_id)).toEqual([
      'after-the-move',
      'on-the-fall-back',
      'still-there',
    ]);
  });

  it('says that NATS is connected while only the database is away, and leaves it at a stop', async () => {
    await makeTopology(bus);
    const pod = await start({ DATABASE_URL: 'postgresql://u:p@127.0.0.1:1/name' }, false);
    const services = async () => (await pod.health()).body.services;
    await until('NATS is connected', async () => (await services()).nats === 'connected', 5_000);
    expect(await services()).toEqual({ database: 'disconnected', nats: 'connected' });
    await pod.stop();
  });

  it.each([{ max_bytes: 1_000_000 }, { max_expires: 500e6 }, { max_batch: 3 }])(
    'asks for no more at once than its durable allows: %o',
    async (limits) => {
      await bus.jsm.streams.add({ name: 'ATHLETE_ALLY_EVENTS', subjects: ['athlete-ally.>'] });
      await bus.jsm.consumers.add('ATHLETE_ALLY_EVENTS', {
        durable_name: DURABLE,
        ack_policy: AckPolicy.Explicit,
        ...limits,
      });
      await start();
      for (let day = 1; day <= 5; day += 1) await publish(bus, event({ userId: `u${day}` }));
      await drained(bus);
      expect(await rows(bus)).toHaveLength(5);
    },
  );

  it('says what its durable refuses, and goes by what it allows', async () => {
    await makeTopology(bus);
    const pod = await start();
    await bus.jsm.consumers.update('ATHLETE_ALLY_EVENTS', DURABLE, { max_expires: 500e6 });
    const refused = `[normalize] Consumer ${DURABLE} on ATHLETE_ALLY_EVENTS refuses what it is asked: 409 `;
    await until('it is told', () => pod.lines.some((line) => line.startsWith(refused)), 10_000);
    await publish(bus, event());
    await drained(bus);
  });

  it('takes no durable with priority groups: whose requests have to say which one they are of', async () => {
    await bus.jsm.streams.add({ name: 'ATHLETE_ALLY_EVENTS', subjects: ['athlete-ally.>'] });
    const grouped = { priority_groups: ['a'], priority_policy: 'overflow' };
    await bus.jsm.consumers.add('ATHLETE_ALLY_EVENTS', {
      durable_name: DURABLE,
      ack_policy: AckPolicy.Explicit,
      ...(grouped as object),
    });
    const pod = await start({}, false);
    await until(
      'it is told',
      () => pod.lines.some((line) => line.includes('has priority groups (a)')),
      10_000,
    );
    expect((await fetch(`${pod.url}/readyz`)).status).toBe(503);
  });

  it('waits, not ready, until a durable is made, and says so', async () => {
    await bus.jsm.streams.add({ name: 'ATHLETE_ALLY_EVENTS', subjects: ['athlete-ally.>'] });
    const pod = await start({}, false);
    await until('it has looked', () =>
      pod.lines.includes('Failed to find HRV consumer on any available stream'),
    );
    expect((await fetch(`${pod.url}/readyz`)).status).toBe(503);
    expect((await fetch(`${pod.url}/livez`)).status).toBe(200);
    await publish(bus, event());
    await addDurable(bus, 'ATHLETE_ALLY_EVENTS');
    await drained(bus);
    expect((await fetch(`${pod.url}/readyz`)).status).toBe(200);
  });

  it('notices within seconds that its durable was deleted, moved, or made anew, and binds again', async () => {
    await makeTopology(bus, 'single');
    const pod = await start({ EVENT_STREAM_MODE: 'multi' });
    await publish(bus, event({ userId: 'one' }));
    await drained(bus);

    await bus.jsm.consumers.delete('ATHLETE_ALLY_EVENTS', DURABLE);
    await until('it is not ready', async () => !(await fetch(`${pod.url}/readyz`)).ok, 5_000);
    await publish(bus, event({ userId: 'two' }));
    await addDurable(bus, 'ATHLETE_ALLY_EVENTS');
    await drained(bus);

    await bus.jsm.streams.add({ name: 'AA_CORE_HOT', subjects: ['moved.>'] });
    await bus.jsm.streams.update('ATHLETE_ALLY_EVENTS', { subjects: ['nothing'] });
    await bus.jsm.streams.update('AA_CORE_HOT', { subjects: ['athlete-ally.>'] });
    await addDurable(bus, 'AA_CORE_HOT');
    await bus.jsm.consumers.delete('ATHLETE_ALLY_EVENTS', DURABLE);
    await publish(bus, event({ userId: 'three' }));
    await drained(bus, 'AA_CORE_HOT');

    await bus.jsm.consumers.delete('AA_CORE_HOT', DURABLE);
    await addDurable(bus, 'AA_CORE_HOT');
    await publish(bus, event({ userId: 'four' }));
    await drained(bus, 'AA_CORE_HOT');
    expect((await rows(bus)).map((row) => row.user_id)).toEqual(['four', 'one', 'three', 'two']);
    expect((await pod.health()).status).toBe(200);
  });

  it('starts before its servers are there, and outlives their restarts', async () => {
    await makeTopology(bus, 'single');
    await Promise.all([bus.nats.kill(), bus.postgres.kill()]);
    const pod = await start({}, false);
    const { status, body } = await pod.health();
    expect([status, body.services]).toEqual([503, { database: 'disconnected', nats: 'disconnected' }]);
    await Promise.all([bus.nats.restart(), bus.postgres.restart()]);
    await until('it is ready', async () => (await fetch(`${pod.url}/readyz`)).ok);
    await bus.nats.kill();
    await until('health tells', async () => (await pod.health()).body.services.nats === 'disconnected');
    await bus.nats.restart();
    await until('nats answers the test', () =>
      bus.nc.flush().then(
        () => true,
        () => false,
      ),
    );
    await publish(bus, event());
    await drained(bus);
    expect(await rows(bus)).toHaveLength(1);
  });

  it('says at a stop what waits for NATS, which returns in time', async () => {
    await makeTopology(bus, 'single');
    const pod = await start();
    const locker = await bus.db.connect();
    await locker.query('BEGIN; LOCK TABLE hrv_data IN SHARE MODE');
    await publish(bus, event());
    await until('it is delivered', async () => {
      return (await bus.jsm.consumers.info('ATHLETE_ALLY_EVENTS', DURABLE)).num_ack_pending === 1;
    });
    await bus.nats.kill();
    await until('health tells', async () => (await pod.health()).body.services.nats === 'disconnected');
    await locker.query('ROLLBACK');
    locker.release();
    await until('its row is stored', async () => (await rows(bus)).length === 1);
    await until('nothing is held', async () => (await pod.metric('normalize_hrv_held')) === 0);
    const stopped = pod.stop();
    pods.splice(0);
    await bus.nats.restart();
    await stopped;
    await drained(bus);
    expect((await bus.jsm.consumers.info('ATHLETE_ALLY_EVENTS', DURABLE)).num_redelivered).toBe(0);
  });

  it('acks nothing in a stream that was made anew: another message stands there now', async () => {
    await makeTopology(bus, 'single');
    const pod = await start();
    const locker = await bus.db.connect();
    await locker.query('BEGIN; LOCK TABLE hrv_data IN SHARE MODE');
    await publish(bus, event({ userId: 'old' }));
    await until('it is delivered', async () => {
      return (await bus.jsm.consumers.info('ATHLETE_ALLY_EVENTS', DURABLE)).num_ack_pending === 1;
    });
    const said: string[] = [];
    const acks = bus.nc.subscribe('$JS.ACK.>', { callback: (_, msg) => void said.push(msg.subject) });
    await bus.jsm.streams.delete('ATHLETE_ALLY_EVENTS');
    await bus.jsm.streams.add({ name: 'ATHLETE_ALLY_EVENTS', subjects: ['athlete-ally.>', 'sleep.*'] });
    await addDurable(bus, 'ATHLETE_ALLY_EVENTS');
    await until('it has bound again', () => pod.lines.filter((line) => line.includes('bound:')).length === 2);
    await publish(bus, event({ userId: 'new' }));
    await locker.query('ROLLBACK');
    locker.release();
    await drained(bus);
    acks.unsubscribe();
    expect((await rows(bus)).map((row) => row.user_id)).toEqual(['new', 'old']);
    // One ack, of the message that the new stream stored: `$JS.ACK.<stream>.<durable>.1.1.1.<time>.<pending>`.
    expect(said).toHaveLength(1);
    const { time } = await bus.jsm.streams.getMessage('ATHLETE_ALLY_EVENTS', { seq: 1 });
    expect(Math.trunc(Number(said[0]!.split('.')[7]) / 1e6)).toBe(time.getTime());
  });
});
