import net, { type AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { classify, isRetryable } from '../../../consumers-runtime/src/normalize/classify.ts';
import { readNormalizeConfig, RETRY_DELAY_MS } from '../../../consumers-runtime/src/normalize/config.ts';
import { createLane, type Lane } from '../../../consumers-runtime/src/normalize/lane.ts';
import type { Candidate } from '../../../consumers-runtime/src/normalize/rows.ts';
import {
  type Bus,
  clear,
  deadLetters,
  drained,
  event,
  makeTopology,
  publish,
  rows,
  startBus,
  until,
} from './bus.ts';
import { failFor } from './failFor.ts';
import { migrated } from './migrated.ts';
import { messagesTotal, type Pod, startPod } from './pod.ts';

/** The handoff report's "Automated Unit Tests (17 tests)", with real errors of real servers; docs/runtime.md maps them. */
describe('the handoff report’s unit behaviours', () => {
  let bus: Bus;

  beforeAll(async () => {
    bus = await startBus();
    await migrated(bus);
    await makeTopology(bus);
  });
  afterAll(() => bus.stop());

  /** What a statement throws on a database of this URL. */
  async function errorOf(url: string, userId = 'u', statementTimeoutMs = 5_000): Promise<unknown> {
    const lane: Lane = createLane({ url, name: 'test', statementTimeoutMs: () => statementTimeoutMs });
    const one = { userId, date: '2025-10-02', rmssd: 55, capturedAtMs: 0 };
    const row: Candidate = { place: 0, event: one, capturedAtMs: 0, older: undefined };
    try {
      await lane.write([row]);
    } catch (error) {
      return error;
    } finally {
      await lane.close();
    }
    throw new Error('the statement did not fail');
  }

  describe('Error Classification', () => {
    it('Database connection errors → retryable', async () => {
      const closed = net.createServer().listen(0, '127.0.0.1');
      await until('it listens', () => closed.listening);
      const { port } = closed.address() as AddressInfo;
      await new Promise((resolve) => closed.close(resolve));
      const error = await errorOf(`postgresql://u:p@127.0.0.1:${port}/db`);
      expect(String(error)).toContain('ECONNREFUSED');
      expect(classify(error)).toBe('database');
      expect(isRetryable(error)).toBe(true);
    });

    it('Timeout errors → retryable', async () => {
      const holder = await bus.db.connect();
      try {
        await holder.query('BEGIN');
        await holder.query('LOCK TABLE hrv_data IN ACCESS EXCLUSIVE MODE');
        const error = await errorOf(bus.postgres.url, 'u', 200);
        expect(String(error)).toContain('statement timeout');
        expect(isRetryable(error)).toBe(true);
      } finally {
        await holder.query('ROLLBACK');
        holder.release();
      }
    });

    it('ETIMEDOUT errors → retryable', async () => {
      // No test machine can be made to time out in TCP within a test's time; Node reports it as an error with this code.
      const timedOut = Object.assign(new Error('connect ETIMEDOUT 192.0.2.1:5432'), { code: 'ETIMEDOUT' });
      expect(isRetryable(timedOut)).toBe(true);
      const mute = net.createServer().listen(0, '127.0.0.1');
      await until('it listens', () => mute.listening);
      const { port } = mute.address() as AddressInfo;
      const error = await errorOf(`postgresql://u:p@127.0.0.1:${port}/db`);
      mute.close();
      expect(String(error)).toMatch(/timeout/);
      expect(isRetryable(error)).toBe(true);
    });

    it('ENOTFOUND errors → retryable', async () => {
      const error = await errorOf('postgresql://u:p@no-such-host.invalid:5432/db');
      expect(String(error)).toMatch(/ENOTFOUND|EAI_AGAIN/);
      expect(isRetryable(error)).toBe(true);
    });

    it('Schema validation errors → non-retryable (DLQ)', async () => {
      const pod = await startPod(bus);
      const before = (await deadLetters(bus)).length;
      await publish(bus, { userId: '', date: '2025-10-02', rmssd: 1 });
      await drained(bus);
      await pod.stop();
      const letter = (await deadLetters(bus))[before];
      expect([letter!.header('AA-Dlq-Reason'), letter!.header('AA-Dlq-Deliveries')]).toEqual([
        'schema_invalid',
        '1',
      ]);
    });

    it('Business logic errors → non-retryable (DLQ)', async () => {
      await failFor(bus, 'forbidden', 'P0001');
      const error = await errorOf(bus.postgres.url, 'forbidden');
      expect(classify(error)).toBe('row');
      await bus.db.query('DROP TRIGGER fail ON hrv_data');
    });

    it('Constraint violations → non-retryable (DLQ)', async () => {
      await bus.db.query(`ALTER TABLE hrv_data ADD CONSTRAINT no_bob CHECK (user_id <> 'bob')`);
      const error = await errorOf(bus.postgres.url, 'bob');
      expect((error as { code: string }).code).toBe('23514');
      expect(isRetryable(error)).toBe(false);
      await bus.db.query('ALTER TABLE hrv_data DROP CONSTRAINT no_bob');
    });
  });

  describe('Retry Decision Logic', () => {
    let pod: Pod;

    beforeAll(async () => {
      await clear(bus);
      await makeTopology(bus);
      pod = await startPod(bus);
    });
    afterAll(() => pod.stop());

    it('NAK retryable errors on attempts 1-4, send to DLQ on 5th attempt (maxDeliver), and the correct retry delay (5000ms)', async () => {
      await failFor(bus, 'unlucky', '40P01');
      await publish(bus, event({ userId: 'unlucky' }));
      await drained(bus, 'ATHLETE_ALLY_EVENTS', 40_000);
      expect(await pod.metric(messagesTotal('retry'))).toBe(4);
      const [letter] = await deadLetters(bus);
      expect([letter!.header('AA-Dlq-Reason'), letter!.header('AA-Dlq-Deliveries')]).toEqual([
        'max_deliver',
        '5',
      ]);
      const message = await bus.jsm.streams.getMessage('ATHLETE_ALLY_EVENTS', { seq: 1 });
      const tookMs = Date.parse(letter!.header('AA-Dlq-Time')) - message.time.getTime();
      expect(tookMs).toBeGreaterThanOrEqual(4 * RETRY_DELAY_MS); // four delays lie between five deliveries
      expect(RETRY_DELAY_MS).toBe(5_000);
    });

    it('Send non-retryable errors to DLQ immediately', async () => {
      await failFor(bus, 'refused', '23505');
      await publish(bus, event({ userId: 'refused' }));
      await drained(bus);
      const letter = (await deadLetters(bus)).at(-1)!;
      expect([letter.header('AA-Dlq-Reason'), letter.header('AA-Dlq-Deliveries')]).toEqual([
        'non_retryable',
        '1',
      ]);
    });

    it('ACK successful processing', async () => {
      const seq = await publish(bus, event({ userId: 'fine' }));
      await drained(bus);
      const { ack_floor } = await bus.jsm.consumers.info('ATHLETE_ALLY_EVENTS', 'normalize-hrv-durable');
      expect(ack_floor.stream_seq).toBe(seq);
      expect((await rows(bus)).map((row) => row.user_id)).toEqual(['fine']);
    });
  });

  describe('JetStream Metadata', () => {
    it('Track delivery count correctly, and handle first delivery (deliveryCount=1)', async () => {
      await clear(bus);
      await makeTopology(bus, 'single', { ackWaitMs: 30_000 });
      await publish(bus, 'never valid');
      const consumer = await bus.nc.jetstream().consumers.get('ATHLETE_ALLY_EVENTS', 'normalize-hrv-durable');
      for (let deliveries = 1; deliveries <= 2; deliveries++) (await consumer.next())!.nak();
      const first = await publish(bus, 'never valid either');
      const pod = await startPod(bus);
      await drained(bus);
      await pod.stop();
      const letters = await deadLetters(bus);
      const deliveriesOf = (seq: number): string | undefined =>
        letters.find((letter) => letter.header('AA-Dlq-Seq') === String(seq))?.header('AA-Dlq-Deliveries');
      expect(deliveriesOf(1)).toBe('3');
      expect(deliveriesOf(first)).toBe('1');
    });
  });

  describe('Configuration', () => {
    const given = { NATS_URL: 'nats://127.0.0.1:4223', DATABASE_URL: 'postgresql://u@127.0.0.1/db' };

    it('Use correct consumer defaults', () => {
      expect(readNormalizeConfig(given)).toMatchObject({
        durable: 'normalize-hrv-durable',
        subject: 'athlete-ally.hrv.raw-received',
        maxDeliver: 5,
        ackWaitMs: 30_000,
        dlqPrefix: 'dlq.normalize.hrv.raw-received',
        candidates: ['ATHLETE_ALLY_EVENTS'],
        port: 4102,
        prometheusPort: 9464,
      });
      const multi = readNormalizeConfig({ ...given, EVENT_STREAM_MODE: 'multi' });
      expect(multi).toMatchObject({ ackWaitMs: 60_000, candidates: ['AA_CORE_HOT', 'ATHLETE_ALLY_EVENTS'] });
    });

    it('Apply environment overrides', async () => {
      const overrides = {
        FEATURE_SERVICE_MANAGES_CONSUMERS: 'true',
        NORMALIZE_HRV_DURABLE: 'other-durable',
        NORMALIZE_HRV_MAX_DELIVER: '7',
        NORMALIZE_HRV_ACK_WAIT_MS: '12000',
        NORMALIZE_HRV_DLQ_SUBJECT: 'dlq.vendor.oura.webhook',
      };
      const pod = await startPod(bus, overrides);
      await publish(bus, 'not JSON');
      await until('it is dead-lettered', async () =>
        (await deadLetters(bus)).some((one) => one.subject === 'dlq.vendor.oura.webhook.schema_invalid'),
      );
      await pod.stop();
      const { config } = await bus.jsm.consumers.info('ATHLETE_ALLY_EVENTS', 'other-durable');
      expect(config).toMatchObject({
        max_deliver: 7,
        ack_wait: 12_000e6,
        filter_subject: 'athlete-ally.hrv.raw-received',
      });
    });
  });
});
