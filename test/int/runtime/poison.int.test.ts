import { createHash } from 'node:crypto';
import { headers as newHeaders } from 'nats';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
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
  SUBJECT,
  until,
} from './bus.ts';
import { failFor } from './failFor.ts';
import { type Pod, startPod } from './pod.ts';

describe('poison', () => {
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

  it('of every kind becomes a dead letter with its body unchanged, and never takes a good event with it', async () => {
    const poison: (string | Uint8Array)[] = [
      '',
      'not JSON',
      '{"userId":',
      'null',
      '[]',
      '"a string"',
      '42',
      Uint8Array.of(0xff, 0xfe, 0x00, 0x80),
      '['.repeat(100_000),
      JSON.stringify({ ...event(), userId: 'x'.repeat(900_000) }),
      ...[
        { userId: 'a\0b' },
        { userId: '\ud800' },
        { userId: '' },
        { userId: 7 },
        { userId: 'x'.repeat(129) },
        { date: '0000-01-01' },
        { date: '2025-02-29' },
        { date: '2025-1-1' },
        { date: '10000-01-01' },
        { rmssd: -0 },
        { rmssd: 0 },
        { rmssd: -1 },
        { rmssd: '55' },
        { rmssd: null },
        { capturedAt: 'yesterday' },
        { capturedAt: '2025-10-02' },
        { capturedAt: '2025-10-02T25:00:00Z' },
        { capturedAt: '0000-01-01T00:00:00Z' },
        { capturedAt: 1_700_000_000 },
      ].map((over) => JSON.stringify(event(over))),
      '{"userId":"u","date":"2025-10-02","rmssd":1e400}',
      '{"userId":"u","date":"2025-10-02","rmssd":NaN}',
    ];
    const good = [
      event({ userId: 'unicode-😀-é' }),
      event({ userId: '"quoted\\",{}' }),
      event({ userId: 'NULL' }),
      event({ userId: ' ' }),
      event({ userId: '😀'.repeat(128) }),
      event({ userId: 'small', rmssd: 5e-324 }),
      event({ userId: 'huge', rmssd: 1.7976931348623157e308 }),
      event({ userId: 'late', date: '9999-12-31', capturedAt: '9999-12-31T23:59:59.999Z' }),
      event({ userId: 'early', date: '0001-01-01' }),
      event({ userId: 'extra', unknown: { deep: [1, 2, 3] } }),
    ];
    for (const [i, body] of poison.entries()) {
      await publish(bus, body);
      if (good[i]) await publish(bus, good[i]);
    }
    pod = await startPod(bus);
    await drained(bus);
    const letters = await deadLetters(bus);
    const asText = (body: string | Uint8Array): string =>
      new TextDecoder().decode(typeof body === 'string' ? Buffer.from(body) : body);
    expect(letters.map((letter) => letter.body).sort()).toEqual(poison.map(asText).sort());
    expect(new Set(letters.map((letter) => letter.header('AA-Dlq-Reason')))).toEqual(
      new Set(['schema_invalid']),
    );
    const stored = await rows(bus);
    expect(stored.map((row) => row.user_id).sort()).toEqual(good.map((one) => one.userId as string).sort());
    expect(stored.find((row) => row.user_id === 'small')!.ln_rmssd).toBeCloseTo(-744.44, 2);
  });

  it('that passes the schema and fails the statement is alone in the end: split, and the next older event of its day stands', async () => {
    pod = await startPod(bus);
    await failFor(bus, 'bad', '22003');
    const good = Array.from({ length: 500 }, (_, i) => event({ userId: `good-${i}` }));
    for (const one of [...good.slice(0, 250), event({ userId: 'bad' }), ...good.slice(250)]) {
      bus.nc.publish(SUBJECT, JSON.stringify(one));
    }
    await bus.db.query(`ALTER TABLE hrv_data ADD CONSTRAINT sane CHECK (rmssd < 1000)`);
    for (const rmssd of [61, 5_000]) {
      bus.nc.publish(
        SUBJECT,
        JSON.stringify(
          event({ userId: 'mixed', rmssd, capturedAt: `2025-10-02T07:00:0${rmssd > 100 ? 2 : 1}Z` }),
        ),
      );
    }
    await bus.nc.flush();
    await drained(bus);
    const letters = await deadLetters(bus);
    expect(letters.map((one) => one.subject)).toEqual(
      Array(2).fill('dlq.normalize.hrv.raw-received.non_retryable'),
    );
    expect(letters.map((one) => JSON.parse(one.body).userId).sort()).toEqual(['bad', 'mixed']);
    const stored = await rows(bus);
    expect(stored).toHaveLength(501);
    expect(stored.find((row) => row.user_id === 'mixed')!.rmssd).toBe(61);
  });

  it('keeps its headers and its trace, but not the ones that would command the dead letters’ stream', async () => {
    pod = await startPod(bus);
    await bus.jsm.streams.add({ name: 'ORIGIN', subjects: ['origin.hrv'] });
    await bus.jsm.streams.update('ATHLETE_ALLY_EVENTS', {
      sources: [{ name: 'ORIGIN', subject_transforms: [{ src: 'origin.hrv', dest: SUBJECT }] }],
    });
    const headers = newHeaders();
    headers.set('traceparent', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01');
    headers.set('X-Own', 'kept');
    headers.set('Nats-Msg-Id', 'mine');
    headers.set('Nats-Expected-Stream', 'ORIGIN');
    await bus.nc.jetstream().publish('origin.hrv', 'poison', { headers });
    await until('it is buried', async () => (await deadLetters(bus)).length > 0);
    const [letter] = await deadLetters(bus);
    expect(letter!.header('X-Own')).toBe('kept');
    expect(letter!.header('traceparent')).toContain('0af7651916cd43dd8448eb211c80319c');
    expect(letter!.header('Nats-Expected-Stream')).toBe('');
    expect(letter!.header('AA-Dlq-Stream')).toBe('ATHLETE_ALLY_EVENTS');
    expect(letter!.header('AA-Dlq-Msg-Id')).toBe('mine');
    // By its origin: the copies of one message in two streams make one letter.
    expect(letter!.header('Nats-Msg-Id')).toBe('dlq:normalize-hrv-durable:ORIGIN:1');
  });

  it('is not terminated while its dead letter cannot be stored', async () => {
    await bus.jsm.streams.delete('AA_DLQ');
    pod = await startPod(bus);
    await publish(bus, 'poison');
    await until('it gave up storing', () => pod!.lines.some((line) => line.includes('could not be stored')));
    const info = await bus.jsm.consumers.info('ATHLETE_ALLY_EVENTS', 'normalize-hrv-durable');
    expect(info.num_ack_pending).toBe(1);
    await bus.jsm.streams.add({ name: 'AA_DLQ', subjects: ['dlq.>'] });
    await drained(bus);
    expect((await deadLetters(bus)).map((one) => one.body)).toEqual(['poison']);
  });

  it('on its last delivery is kept while its dead letter cannot be stored; nothing is pulled, health says so, and a stop hands it back without a word', async () => {
    await clear(bus);
    await makeTopology(bus, 'single', { ackWaitMs: 1_000, maxDeliver: 1 });
    await bus.jsm.streams.delete('AA_DLQ');
    const said: string[] = [];
    const acks = bus.nc.subscribe('$JS.ACK.>', { callback: (_, msg) => void said.push(msg.string()) });
    const env = { NORMALIZE_SWEEP_INTERVAL_MS: '0', STOP_TIMEOUT_MS: '1000' };
    pod = await startPod(bus, env);
    await publish(bus, 'poison');
    await until('health tells', async () => (await pod!.health()).body.work.unburied === 1);
    expect((await pod.health()).status).toBe(503);
    expect((await fetch(`${pod.url}/livez`)).status).toBe(200);
    // A request that was under way before may bring one more; behind its end nothing comes.
    await until('no request stands', async () => {
      const info = await bus.jsm.consumers.info('ATHLETE_ALLY_EVENTS', DURABLE);
      return info.num_waiting === 0;
    });
    await publish(bus, event());
    const touches = said.length;
    await until('it was touched for three ack waits', () => said.length >= touches + 9);
    const info = await bus.jsm.consumers.info('ATHLETE_ALLY_EVENTS', DURABLE);
    expect([info.num_ack_pending, info.num_pending]).toEqual([1, 1]);
    await bus.jsm.streams.add({ name: 'AA_DLQ', subjects: ['dlq.>'] });
    await drained(bus);
    expect((await deadLetters(bus)).map((one) => one.body)).toEqual(['poison']);
    expect(await rows(bus)).toHaveLength(1);
    expect((await pod.health()).status).toBe(200);

    await bus.jsm.streams.delete('AA_DLQ');
    await publish(bus, 'poison, too');
    await until('health tells', async () => (await pod!.health()).body.work.unburied === 1);
    await pod.stop();
    pod = undefined;
    await bus.nc.flush();
    acks.unsubscribe();
    expect(new Set(said)).toEqual(new Set(['+WPI', '+TERM', '+ACK']));
    expect(said.at(-1)).toBe('+WPI');
  });

  it('that comes again after its letter, behind the duplicate window, gets no second one', async () => {
    await clear(bus);
    await makeTopology(bus, 'single', { ackWaitMs: 200, maxDeliver: 5 });
    await bus.jsm.streams.update('AA_DLQ', { duplicate_window: 100e6 });
    const seq = await publish(bus, 'not json');
    await publish(bus, 'not json either');
    const js = bus.nc.jetstream();
    // As a pod that stores the letter of the first and dies before it says so.
    const consumer = await js.consumers.get('ATHLETE_ALLY_EVENTS', DURABLE);
    for (let i = 0; i < 2; i++) await consumer.next({ expires: 2_000 });
    const own = newHeaders();
    own.set('Nats-Msg-Id', `dlq:${DURABLE}:ATHLETE_ALLY_EVENTS:${seq}`);
    const letter = await js.publish('dlq.normalize.hrv.raw-received.schema_invalid', 'before', {
      headers: own,
    });
    await until('the window is over', async () => {
      const { ts } = await bus.jsm.streams.info('AA_DLQ');
      const { time } = await bus.jsm.streams.getMessage('AA_DLQ', { seq: letter.seq });
      return Date.parse(ts!) - time.getTime() > 500;
    });
    pod = await startPod(bus, { NORMALIZE_SWEEP_INTERVAL_MS: '0' });
    await drained(bus);
    expect((await deadLetters(bus)).map(({ body }) => body)).toEqual(['before', 'not json either']);
  });

  it('in the form of a table that is gone blames no message: nothing is pulled until it is back', async () => {
    pod = await startPod(bus);
    await bus.db.query('ALTER TABLE hrv_data RENAME TO hidden');
    await publish(bus, event());
    await until('health tells', async () => (await pod!.health()).status === 503);
    await bus.db.query('ALTER TABLE hidden RENAME TO hrv_data');
    await drained(bus);
    expect(await rows(bus)).toHaveLength(1);
    expect(await deadLetters(bus)).toEqual([]);
  });

  it('with as many headers as a stream stores becomes a dead letter without them, which says so; the sweeper’s does as well', async () => {
    await clear(bus);
    await makeTopology(bus, 'single', { ackWaitMs: 200, maxDeliver: 1 });
    const large = newHeaders();
    large.set('X-Large', 'é'.repeat(32_600)); // counted in bytes, twice as many
    const js = bus.nc.jetstream();
    await js.publish(SUBJECT, 'died', { headers: large });
    const consumer = await js.consumers.get('ATHLETE_ALLY_EVENTS', DURABLE);
    await consumer.next({ expires: 2_000 });
    pod = await startPod(bus, { NORMALIZE_SWEEP_INTERVAL_MS: '50' });
    await until('it is swept', async () => (await deadLetters(bus)).length === 1);
    await js.publish(SUBJECT, 'not json', { headers: large });
    await drained(bus);
    const letters = await deadLetters(bus);
    expect(letters.map(({ body }) => body)).toEqual(['died', 'not json']);
    for (const letter of letters) {
      expect(Number(letter.header('AA-Dlq-Headers-Omitted'))).toBeGreaterThan(65_200);
      expect(letter.header('X-Large')).toBe('');
    }
  });

  it('that is larger than the dead letters’ stream takes leaves its body out', async () => {
    await bus.jsm.streams.update('AA_DLQ', { max_msg_size: 2_000 });
    pod = await startPod(bus);
    await publish(bus, 'x'.repeat(3_000));
    await drained(bus);
    const [letter] = await deadLetters(bus);
    expect([letter!.body, letter!.header('AA-Dlq-Body-Omitted')]).toEqual(['', '3000']);
  });
});

describe('a server that takes messages of 12 MiB', () => {
  let bus: Bus;
  let pod: Pod | undefined;

  beforeAll(async () => {
    bus = await startBus('max_payload: 12582912');
    await makeTopology(bus);
  });
  afterAll(async () => {
    await pod?.stop();
    await bus.stop();
  });

  it('has strings of 10 MB worked like any others: dead letters with their bodies whole, rows where nobody reads them', async () => {
    const long = 'x'.repeat(10_000_000);
    const poison = [
      JSON.stringify(event({ userId: long })),
      JSON.stringify(event({ userId: 'long-date', date: long })),
      `{"userId":"${long}`,
      `${'é'.repeat(5_000_000)}`,
    ];
    for (const [i, body] of poison.entries()) {
      await publish(bus, body);
      await publish(bus, event({ userId: `beside-${i}` }));
    }
    await publish(bus, event({ userId: 'filled', filler: long }));
    // As large as the server takes: no room for a letter's headers.
    const largest = 12_582_912;
    await publish(bus, JSON.stringify(event({ userId: 'x'.repeat(largest - 100) })).padEnd(largest));
    pod = await startPod(bus);
    await drained(bus);
    const letters = await deadLetters(bus);
    const digest = (body: string): string => createHash('sha256').update(body).digest('hex');
    expect(letters.map(({ body }) => digest(body)).sort()).toEqual([...poison, ''].map(digest).sort());
    const omitted = letters.find(({ body }) => body === '')!;
    expect(omitted.header('AA-Dlq-Body-Omitted')).toBe(String(largest));
    expect(letters.every((letter) => letter.header('AA-Dlq-Error').length < 200)).toBe(true);
    expect((await rows(bus)).map((row) => row.user_id).sort()).toEqual([
      'beside-0',
      'beside-1',
      'beside-2',
      'beside-3',
      'filled',
    ]);
  });
});
