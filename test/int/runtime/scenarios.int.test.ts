import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
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
import { messagesTotal, type Pod, startPod } from './pod.ts';

/** The handoff report's "Manual Integration Tests (5 scenarios)"; docs/runtime.md maps them. */
describe('the handoff report’s manual scenarios', () => {
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

  it('1. Happy Path: a valid HRV message becomes a row', async () => {
    pod = await startPod(bus);
    await publish(bus, event({ userId: 'staging-e2e-test' }));
    await drained(bus);
    const [row] = await rows(bus);
    expect(row).toMatchObject({ user_id: 'staging-e2e-test', date: '2025-10-02', rmssd: 55 });
    expect(row!.ln_rmssd).toBeCloseTo(4.007, 3);
    expect(await pod.metric(messagesTotal('success'))).toBe(1);
    expect(await deadLetters(bus)).toEqual([]);
  });

  it('2. Schema Validation Failure: an invalid message becomes a dead letter at once', async () => {
    pod = await startPod(bus);
    const seq = await publish(bus, { userId: 'u', date: '2025-10-02', rmssd: 'high' });
    await drained(bus);
    const [letter, ...others] = await deadLetters(bus);
    expect(others).toEqual([]);
    expect(letter!.subject).toBe('dlq.normalize.hrv.raw-received.schema_invalid');
    expect(letter!.body).toBe('{"userId":"u","date":"2025-10-02","rmssd":"high"}');
    const headers = ['Reason', 'Stream', 'Seq', 'Subject', 'Durable', 'Deliveries'].map((name) =>
      letter!.header(`AA-Dlq-${name}`),
    );
    expect(headers).toEqual([
      'schema_invalid',
      'ATHLETE_ALLY_EVENTS',
      String(seq),
      'athlete-ally.hrv.raw-received',
      'normalize-hrv-durable',
      '1',
    ]);
    expect(letter!.header('AA-Dlq-Error')).toContain(
      'rmssd must be a number of milliseconds above 0, not "high"',
    );
    expect(letter!.header('Nats-Msg-Id')).toBe(`dlq:normalize-hrv-durable:ATHLETE_ALLY_EVENTS:${seq}`);
    expect(await pod.metric(messagesTotal('schema_invalid'))).toBe(1);
    expect(await rows(bus)).toEqual([]);
    // A letter is work that is done: a backlog of nothing else is no reason to be unhealthy.
    expect((await pod.health()).body.work.lastBatchAt).not.toBeNull();
  });

  it('3. Retryable Error: the database is lost, the message is nak’ed and delivered again when it is back', async () => {
    pod = await startPod(bus);
    await publish(bus, event({ userId: 'before' }));
    await drained(bus);
    await bus.postgres.kill();
    await publish(bus, event({ userId: 'during' }));
    await until('health tells', async () => (await pod!.health()).status === 503);
    const { body } = await pod.health();
    expect(body.services).toEqual({ database: 'disconnected', nats: 'connected' });
    await bus.postgres.restart();
    await drained(bus);
    expect((await rows(bus)).map((row) => row.user_id)).toEqual(['before', 'during']);
    expect(await deadLetters(bus)).toEqual([]);
    expect((await pod.health()).status).toBe(200);
  });

  it('4. Max Retries Exceeded: the last failed delivery becomes a dead letter', async () => {
    pod = await startPod(bus);
    await failFor(bus, 'unlucky', '40001');
    // Two deliveries instead of five: the delay between them is 5 s.
    await bus.jsm.consumers.update('ATHLETE_ALLY_EVENTS', 'normalize-hrv-durable', { max_deliver: 2 });
    await pod.stop();
    pod = await startPod(bus);
    await publish(bus, event({ userId: 'unlucky' }));
    await publish(bus, event({ userId: 'lucky' }));
    await drained(bus);
    const [letter, ...others] = await deadLetters(bus);
    expect(others).toEqual([]);
    expect(letter!.subject).toBe('dlq.normalize.hrv.raw-received.max_deliver');
    expect(letter!.header('AA-Dlq-Deliveries')).toBe('2');
    expect(await pod.metric(messagesTotal('retry'))).toBe(1);
    expect(await pod.metric(messagesTotal('dlq'))).toBe(1);
    expect((await rows(bus)).map((row) => row.user_id)).toEqual(['lucky']);
  });

  it('5. Database Constraint Violation: a duplicate key is an upsert, and the newest instant stands', async () => {
    pod = await startPod(bus);
    await publish(bus, event({ rmssd: 50, capturedAt: '2025-10-02T07:00:00Z' }));
    await drained(bus);
    await publish(bus, event({ rmssd: 60, capturedAt: '2025-10-02T07:00:00.5Z' }));
    await drained(bus);
    await publish(bus, event({ rmssd: 40, capturedAt: '2025-10-02T08:59:59+02:00' }));
    await drained(bus);
    expect((await rows(bus)).map((row) => row.rmssd)).toEqual([60]);
    expect(await deadLetters(bus)).toEqual([]);
  });
});
