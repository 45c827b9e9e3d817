import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import {
  addDurable,
  type Bus,
  clear,
  DURABLE,
  makeTopology,
  startBus,
  until,
} from '../../int/runtime/bus.ts';
import { freeze, startProxy } from './faults.ts';
import { createLedger } from './ledger.ts';
import { type Process, startNormalize } from './processes.ts';

const LONG = Boolean(process.env.AA_TEST_LONG);
/** All of them with AA_TEST_LONG, a few always. */
const times = (few: number, all: number): number => (LONG ? all : few);
const STREAM = 'ATHLETE_ALLY_EVENTS';
const SWEEP = { NORMALIZE_SWEEP_INTERVAL_MS: '200' };

describe('chaos ends in sent = rows + dead letters', { timeout: LONG ? 900_000 : 120_000 }, () => {
  let bus: Bus;
  let pods: Process[] = [];

  beforeAll(async () => {
    bus = await startBus();
  });
  afterAll(() => bus.stop());
  beforeEach(async () => {
    await clear(bus);
    await makeTopology(bus, 'single', { ackWaitMs: 1_000 });
  });
  afterEach(async () => {
    for (const pod of pods) pod.signal('SIGKILL');
    await Promise.all(pods.map((pod) => pod.exited));
    pods = [];
  });
  const start = async (env: Record<string, string> = {}, args: string[] = []): Promise<Process> => {
    const pod = await startNormalize(bus, { ...SWEEP, ...env }, args);
    pods.push(pod);
    return pod;
  };

  const waitingPulls = async (): Promise<number> =>
    (await bus.jsm.consumers.info(STREAM, DURABLE)).num_waiting;

  it('after kill -9 of a pod in the middle of a batch', async () => {
    const ledger = createLedger(bus);
    for (let round = 0; round < times(3, 20); round++) {
      const pod = await start();
      const sending = ledger.send(3_000);
      await until(
        'it is at work',
        async () => (await bus.jsm.consumers.info(STREAM, DURABLE)).num_ack_pending > 0,
      );
      pod.signal('SIGKILL');
      await pod.exited;
      await sending;
    }
    await start();
    await ledger.settle();
  });

  it('after kill -9 of nats-server', async () => {
    const ledger = createLedger(bus);
    await start();
    await start();
    for (let round = 0; round < times(2, 10); round++) {
      const sending = ledger.sendOn(2_000);
      const before = ledger.sent();
      await until('it is at work', () => ledger.sent() > before + 500);
      await bus.nats.kill();
      await bus.nats.restart();
      await until('it goes on', () => ledger.sent() > before + 1_000);
      await sending.stop();
    }
    await ledger.settle();
  });

  it('after kill -9 of PostgreSQL, and after it was away for a while under load', async () => {
    const ledger = createLedger(bus);
    await start();
    const sending = ledger.sendOn(1_000);
    for (let round = 0; round < times(2, 10); round++) {
      const before = ledger.sent();
      await until('it is at work', () => ledger.sent() > before + 500);
      await bus.postgres.kill();
      await bus.postgres.restart();
    }
    await bus.postgres.kill();
    const away = ledger.sent();
    await until('much is waiting', () => ledger.sent() > away + times(3_000, 60_000), 120_000);
    const { num_redelivered: redelivered } = await bus.jsm.consumers.info(STREAM, DURABLE);
    await bus.postgres.restart();
    await sending.stop();
    await ledger.settle(120_000);
    // Not a delivery was burned while the database was away: the waiting ones were never pulled.
    expect(redelivered).toBeLessThan(1_000);
  });

  it('after PostgreSQL was stopped for a minute under load, and burns no delivery meanwhile', async () => {
    if (LONG) await bus.jsm.consumers.update(STREAM, DURABLE, { ack_wait: 30_000e6 }); // as in production
    const backlog = times(10_000, 60_000);
    const ledger = createLedger(bus);
    await ledger.send(backlog);
    const pod = await start();
    const before = await timeTo(pod, (backlog * 8) / 10);

    const sending = ledger.sendOn(2_000);
    await until('it is at work again', async () => (await stored(pod)) > backlog);
    const thaw = freeze(bus.postgres.pid);
    onTestFinished(thaw);
    const stoppedAt = performance.now();
    await until(
      'health tells',
      async () => (await fetch(`${pod.url}/health`)).status === 503,
      60_000, // one statement's timeout
    );
    await until('what was asked for has come', async () => (await waitingPulls()) === 0);
    const { delivered } = await bus.jsm.consumers.info(STREAM, DURABLE);
    await sending.stop();
    await ledger.send(backlog);
    const forMs = times(4_000, 60_000);
    await new Promise((resolve) => setTimeout(resolve, forMs - (performance.now() - stoppedAt)));
    // Not a delivery was burned beyond what was in flight.
    expect((await bus.jsm.consumers.info(STREAM, DURABLE)).delivered).toMatchObject({
      consumer_seq: delivered.consumer_seq,
    });
    expect((await fetch(`${pod.url}/livez`)).status).toBe(200); // no reason to restart it

    const held = await stored(pod);
    thaw();
    const thawed = performance.now();
    await until('the first batch is stored', async () => (await stored(pod)) > held, 60_000);
    const firstMs = performance.now() - thawed;
    const after = await timeTo(pod, held + (backlog * 8) / 10);
    const ratio = after.perSecond / before.perSecond;
    console.log(
      `PostgreSQL stopped for ${Math.round(thawed - stoppedAt)} ms: first batch ${Math.round(firstMs)} ms after its return, then ${Math.round(after.perSecond)}/s, ${ratio.toFixed(2)} of ${Math.round(before.perSecond)}/s before`,
    );
    // To reach: 1 s. At full speed before, 10,000 messages took about that long; a slow machine is slow at both.
    expect((firstMs * before.perSecond) / 1_000).toBeLessThan(40_000);
    expect(ratio).toBeGreaterThan(0.25);
    await ledger.settle(120_000);
  });

  it('after connections that were cut in the middle of a commit', async () => {
    const proxy = await startProxy(bus.postgres.port);
    const url = bus.postgres.url.replace(String(bus.postgres.port), String(proxy.port));
    const ledger = createLedger(bus);
    await start({ DATABASE_URL: url });
    for (let round = 0; round < times(5, 50); round++) {
      const sending = ledger.send(500);
      proxy.cutAnswer();
      await sending;
    }
    await ledger.settle();
    expect(proxy.cuts()).toBeGreaterThan(0);
    proxy.close();
  });

  it('after its consumer was deleted under it and made again', async () => {
    const ledger = createLedger(bus);
    await start();
    const sending = ledger.sendOn(2_000);
    for (let round = 0; round < times(2, 10); round++) {
      const before = ledger.sent();
      await until('it is at work', () => ledger.sent() > before + 500);
      await bus.jsm.consumers.delete(STREAM, DURABLE);
      await addDurable(bus, STREAM, { ackWaitMs: 1_000 });
    }
    await sending.stop();
    await ledger.settle();
  });

  it('after its clock jumped an hour forward and two back', async () => {
    const jump = `const now = Date.now; let by = 0; Date.now = () => now() + by;
      setTimeout(() => { by = 3600000; }, 300); setTimeout(() => { by = -3600000; }, 900);`;
    const ledger = createLedger(bus);
    const pod = await start({}, ['--import', `data:text/javascript,${encodeURIComponent(jump)}`]);
    const sending = ledger.sendOn(1_000);
    await until('some are sent', () => ledger.sent() > 2_000);
    await sending.stop();
    await ledger.settle();
    expect((await fetch(`${pod.url}/health`)).status).toBe(200);
  });

  it('with two pods that share the work, without doubling it', async () => {
    await bus.jsm.consumers.update(STREAM, DURABLE, { ack_wait: 30_000e6 });
    const ledger = createLedger(bus);
    await start();
    await start();
    await ledger.send(times(10_000, 100_000));
    await ledger.settle();
    const counts = await Promise.all(pods.map(stored));
    expect(Math.min(...counts)).toBeGreaterThan(0);
    expect(counts[0]! + counts[1]!).toBe((ledger.sent() * 9) / 10);
  });

  it.runIf(LONG)(
    'with 1,000,000 events, a tenth of them poison of every kind',
    { timeout: 1_800_000 },
    async () => {
      await bus.jsm.consumers.update(STREAM, DURABLE, { ack_wait: 30_000e6 });
      const ledger = createLedger(bus);
      await start();
      await ledger.send(1_000_000);
      await ledger.settle(600_000);
    },
  );
});

/** Messages that a pod has stored so far. */
async function stored(pod: Process): Promise<number> {
  const metrics = await (await fetch(`${pod.url}/metrics`)).text();
  return Number(/normalize_hrv_messages_total\{result="success"[^}]*\} (\d+)/.exec(metrics)?.[1] ?? 0);
}

/** Waits until the pod has stored so many, and how fast it was from the first look on. */
async function timeTo(pod: Process, count: number): Promise<{ perSecond: number }> {
  const [from, started] = [await stored(pod), performance.now()];
  let now = from;
  await until('they are stored', async () => (now = await stored(pod)) >= count, 120_000);
  return { perSecond: ((now - from) * 1_000) / (performance.now() - started) };
}
