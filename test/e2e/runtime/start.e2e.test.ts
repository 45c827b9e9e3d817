import net from 'node:net';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import {
  type Bus,
  drained,
  DURABLE,
  event,
  makeTopology,
  publish,
  startBus,
  SUBJECT,
  until,
} from '../../int/runtime/bus.ts';
import { isReady, start, startNormalize } from './processes.ts';

describe('the built services', () => {
  let bus: Bus;

  beforeAll(async () => {
    bus = await startBus();
    await makeTopology(bus);
  });
  afterAll(() => bus.stop());
  const both = (): Record<string, string> => ({ NATS_URL: bus.nats.url, DATABASE_URL: bus.postgres.url });

  it.each(['aa-normalize', 'aa-ingest'] as const)(
    '%s refuses to manage streams and names the command that does',
    async (service) => {
      const refused = await start(service, { ...both(), FEATURE_SERVICE_MANAGES_STREAMS: 'true' });
      expect(await refused.exited).toBe(64);
      expect(refused.output()).toContain('aa-ops streams apply');
      expect(refused.output()).not.toMatch(/\n\s+at /);
    },
  );

  it('say what is missing or taken, without a stack trace', async () => {
    const bare = await start('aa-normalize', {});
    expect(await bare.exited).toBe(64);
    expect(bare.output()).toContain('NATS_URL is not set');

    const taken = net.createServer().listen(0);
    await until('it listens', () => taken.listening);
    const { port } = taken.address() as net.AddressInfo;
    const byPort = await start('aa-ingest', { ...both(), PORT: String(port) });
    expect(await byPort.exited).toBe(64);
    expect(byPort.output()).toContain(
      `port ${port} is in use: end what listens there or set PORT to another`,
    );
    const byMetrics = await start('aa-normalize', { ...both(), PROMETHEUS_PORT: String(port) });
    expect(await byMetrics.exited).toBe(64);
    expect(byMetrics.output()).toContain('PROMETHEUS_PORT');
    taken.close();

    const format = await start('aa-ingest', { ...both(), LOG_FORMAT: 'xml' });
    expect(await format.exited).toBe(64);
    expect(format.output()).toBe('[ingest-service] LOG_FORMAT="xml" is none of plain, json\n');
  });

  it('write plain lines, or JSON where LOG_FORMAT says so', async () => {
    const plain = await startNormalize(bus);
    plain.signal('SIGTERM');
    expect(await plain.exited).toBe(0);
    expect(plain.output().split('\n')).toContain(
      '[normalize-service] Stream candidates: ATHLETE_ALLY_EVENTS',
    );
    const json = await startNormalize(bus, { LOG_FORMAT: 'json' });
    json.signal('SIGTERM');
    expect(await json.exited).toBe(0);
    for (const line of json.output().trim().split('\n')) {
      expect(JSON.parse(line)).toMatchObject({ service: 'normalize-service', level: expect.any(String) });
    }
  });

  it('stop under load: exit 0, nothing left hanging for the other pod until the ack wait', async () => {
    const pods = await Promise.all([startNormalize(bus), startNormalize(bus)]);
    const count = 20_000;
    const first = (await bus.jsm.streams.info('ATHLETE_ALLY_EVENTS')).state.last_seq;
    const sending = (async () => {
      for (let i = 0; i < count; i++) {
        bus.nc.publish(SUBJECT, JSON.stringify(event({ userId: `stop-${i}` })));
        if (i % 500 === 0) await bus.nc.flush();
      }
      await bus.nc.flush();
    })();
    await until('both are at work', async () => {
      const { delivered } = await bus.jsm.consumers.info('ATHLETE_ALLY_EVENTS', DURABLE);
      return delivered.stream_seq > first + 2_000;
    });
    pods[0]!.signal('SIGTERM');
    expect(await pods[0]!.exited).toBe(0);
    await sending;
    await drained(bus, 'ATHLETE_ALLY_EVENTS', 20_000); // the durable's ack wait is 30 s
    const { num_redelivered: redelivered } = await bus.jsm.consumers.info('ATHLETE_ALLY_EVENTS', DURABLE);
    expect(redelivered).toBe(0);
    const { rows } = await bus.db.query(
      `SELECT count(*)::int AS n FROM hrv_data WHERE user_id LIKE 'stop-%'`,
    );
    expect(rows).toEqual([{ n: count }]);
    pods[1]!.signal('SIGTERM');
    expect(await pods[1]!.exited).toBe(0);
  });

  it('hand back within the bound what the database does not let them finish, and end at once on a second signal', async () => {
    const holder = await bus.db.connect();
    await holder.query('BEGIN; LOCK TABLE hrv_data IN ACCESS EXCLUSIVE MODE');
    const bounded = await startNormalize(bus, { STOP_TIMEOUT_MS: '300' });
    const seq = await publish(bus, event({ userId: 'stuck' }));
    await until(
      'it is in flight',
      async () => (await bus.jsm.consumers.info('ATHLETE_ALLY_EVENTS', DURABLE)).num_ack_pending === 1,
    );
    bounded.signal('SIGTERM');
    expect(await bounded.exited).toBe(0);

    const forced = await startNormalize(bus);
    await until(
      'it came back',
      async () => (await bus.jsm.streams.info('ATHLETE_ALLY_EVENTS')).state.last_seq === seq,
    );
    await until(
      'it is in flight again',
      async () => (await bus.jsm.consumers.info('ATHLETE_ALLY_EVENTS', DURABLE)).num_redelivered === 1,
    );
    forced.signal('SIGTERM');
    await until('it was heard', () => forced.output().includes('finishing what is in flight'));
    forced.signal('SIGTERM');
    expect(await forced.exited).toBe(1);
    await holder.query('ROLLBACK');
    holder.release();
  });

  it('end when they are told to before any server was there', async () => {
    const nowhere = { NATS_URL: 'nats://127.0.0.1:1', DATABASE_URL: 'postgresql://u:p@127.0.0.1:1/x' };
    for (const service of ['aa-normalize', 'aa-ingest'] as const) {
      const pod = await start(service, nowhere);
      await until('it listens', () => pod.output().includes('Listening'));
      expect(await isReady(pod)).toBe(false);
      pod.signal('SIGTERM');
      expect(await pod.exited).toBe(0);
      expect(pod.output()).not.toContain('u:p@');
    }
  });

  it('end with exit 0 within the bound while NATS is frozen, connected to it or not', async () => {
    const bound = { STOP_TIMEOUT_MS: '1000' };
    const pods = [await startNormalize(bus, bound), await start('aa-ingest', { ...both(), ...bound })];
    await until('ingest is ready', () => isReady(pods[1]!));
    process.kill(bus.nats.pid, 'SIGSTOP');
    onTestFinished(() => void process.kill(bus.nats.pid, 'SIGCONT'));
    pods.push(await start('aa-ingest', { ...both(), ...bound }));
    await until('the third one listens', () => pods[2]!.output().includes('Listening'));
    for (const pod of pods) pod.signal('SIGTERM');
    expect(await Promise.all(pods.map((pod) => pod.exited))).toEqual([0, 0, 0]);
  });

  it('end with exit 0 while another pod has the migrations’ lock', async () => {
    const holder = await bus.db.connect();
    await holder.query('SELECT pg_advisory_lock($1)', [0x61616872]);
    const pod = await start('aa-normalize', both());
    await until('it waits', () => pod.output().includes('Another pod migrates the database'));
    pod.signal('SIGTERM');
    expect(await pod.exited).toBe(0);
    await holder.query('SELECT pg_advisory_unlock_all()');
    holder.release();
  });

  it('print no credentials', async () => {
    const pod = await start('aa-ingest', {
      NATS_URL: 'user:s3cret@127.0.0.1:1,nats://user:s3@cret@127.0.0.1:2',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://user:s3cret@127.0.0.1:3/key-s3cret',
    });
    await until('it has tried', () => pod.output().includes('NATS at 127.0.0.1:1,127.0.0.1:2 is not'));
    await until('it told where spans go', () => pod.output().includes('sent to 127.0.0.1:3'));
    pod.signal('SIGTERM');
    expect(await pod.exited).toBe(0);
    expect(pod.output()).not.toMatch(/s3|cret|user/);
  });
});
