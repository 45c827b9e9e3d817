import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type pg from 'pg';
import { createLane, type Lane } from '../../../consumers-runtime/src/normalize/lane.ts';
import type { Candidate } from '../../../consumers-runtime/src/normalize/rows.ts';
import { storeRows } from '../../../consumers-runtime/src/normalize/store.ts';
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
  until,
} from './bus.ts';
import { failFor } from './failFor.ts';
import { startForgetful } from './forgetful.ts';
import { migrated } from './migrated.ts';
import { messagesTotal, type Pod, startPod } from './pod.ts';

describe('locks and cuts', () => {
  let bus: Bus;

  beforeAll(async () => {
    bus = await startBus();
  });
  afterAll(() => bus.stop());

  /** A session with these statements behind it and its transaction open; returns what ends it. */
  async function hold(sql: string): Promise<() => Promise<void>> {
    const holder = await bus.db.connect();
    await holder.query(`BEGIN; ${sql}`);
    let held: pg.PoolClient | undefined = holder;
    const release = async (): Promise<void> => {
      const mine = held;
      held = undefined;
      await mine?.query('ROLLBACK');
      mine?.release();
    };
    onTestFinished(release);
    return release;
  }
  const waitingForLocks = async (): Promise<number> => {
    const sql = `SELECT count(*)::int AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%unnest%'`;
    return (await bus.db.query<{ n: number }>(sql)).rows[0]!.n;
  };

  describe('of a pod', () => {
    let pod: Pod | undefined;
    /** On their last delivery are all its messages. A statement may take a third of the ack wait. */
    const begin = async (ackWaitMs: number, env: Record<string, string> = {}): Promise<Pod> => {
      await clear(bus);
      await makeTopology(bus, 'single', { ackWaitMs, maxDeliver: 1 });
      return (pod = await startPod(bus, { NORMALIZE_SWEEP_INTERVAL_MS: '0', ...env }));
    };
    afterEach(async () => {
      await pod?.stop();
      pod = undefined;
    });

    it('a table that is locked is the database away: no event is given up, health says so, nobody restarts the pod', async () => {
      const { health, url, metric, lines } = await begin(3_000);
      const release = await hold('LOCK TABLE hrv_data IN SHARE MODE'); // as CREATE INDEX does
      await publish(bus, event());
      await until('health tells', async () => (await health()).status === 503);
      expect((await health()).body).toMatchObject({
        services: { database: 'disconnected' },
        work: { lastBatchAt: null },
      });
      expect(lines.join()).toContain('Database cannot be written to: canceling statement due to');
      expect(await metric('normalize_hrv_batch_duration_seconds_count{stored="true"}')).toBe(0);
      expect((await fetch(`${url}/livez`)).status).toBe(200);
      // On its last delivery, and kept all the same.
      expect((await bus.jsm.consumers.info('ATHLETE_ALLY_EVENTS', DURABLE)).num_ack_pending).toBe(1);
      await release();
      await drained(bus);
      expect(await rows(bus)).toHaveLength(1);
      expect(await deadLetters(bus)).toEqual([]);
      expect((await health()).status).toBe(200);
    });

    it('a connection that is cut under the last delivery leaves a row or a dead letter, never both', async () => {
      const forgetful = await startForgetful(bus.postgres.url, 'unnest');
      onTestFinished(forgetful.close);
      await begin(30_000, { DATABASE_URL: forgetful.url });
      const release = await hold(`INSERT INTO hrv_data VALUES ('athlete-1', '2025-10-02', 1, 0, 'epoch')`);
      await publish(bus, event());
      await until('it is written again, behind what was cut', async () => (await waitingForLocks()) === 2);
      await release();
      await drained(bus);
      expect(forgetful.forgotten()).toBe(1);
      expect(await rows(bus)).toHaveLength(1);
      expect(await deadLetters(bus)).toEqual([]);
    });

    it('a stop in the middle of the last delivery’s statement leaves a row or a dead letter, never both', async () => {
      const { stop } = await begin(30_000, { STOP_TIMEOUT_MS: '1000' });
      const said: string[] = [];
      const acks = bus.nc.subscribe('$JS.ACK.>', { callback: (_, msg) => void said.push(msg.string()) });
      const release = await hold(`INSERT INTO hrv_data VALUES ('athlete-1', '2025-10-02', 1, 0, 'epoch')`);
      await publish(bus, event());
      await until('its statement waits', async () => (await waitingForLocks()) === 1);
      await stop();
      pod = await startPod(bus, { NORMALIZE_SWEEP_INTERVAL_MS: '50' });
      await publish(bus, event({ userId: 'behind' }));
      await until('the other one works', async () => (await rows(bus)).length === 1);
      expect(await waitingForLocks()).toBe(1);
      expect(await deadLetters(bus)).toEqual([]);
      await release();
      await until('the server is done with it', async () => (await rows(bus)).length === 2);
      await bus.jsm.consumers.update('ATHLETE_ALLY_EVENTS', DURABLE, { ack_wait: 100e6 });
      await until('its death is swept', async () => {
        const sql = 'SELECT last_seq FROM normalize_sweeps';
        return Number((await bus.db.query<{ last_seq: string }>(sql)).rows[0]?.last_seq) === 1;
      });
      acks.unsubscribe();
      expect(said).toEqual(['+WPI', '+ACK']);
      expect(await deadLetters(bus)).toEqual([]);
    });

    it('a certificate that cannot be read while the server restarts is the database away: no event is given up', async () => {
      const dir = mkdtempSync(join(tmpdir(), 'aa-ops-'));
      onTestFinished(() => rmSync(dir, { recursive: true }));
      const file = join(dir, 'ca.pem');
      writeFileSync(file, '');
      const url = new URL(bus.postgres.url);
      url.searchParams.set('sslmode', 'disable');
      url.searchParams.set('sslrootcert', file); // read whatever the mode
      const { health } = await begin(30_000, { DATABASE_URL: url.href });
      await publish(bus, event());
      await drained(bus);
      rmSync(file);
      await bus.db.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'normalize-service%'`,
      );
      for (let i = 0; i < 20; i++) await publish(bus, event({ userId: `during-${i}` }));
      await until('health tells', async () => (await health()).status === 503);
      writeFileSync(file, '');
      await drained(bus);
      expect(await rows(bus)).toHaveLength(21);
      expect(await deadLetters(bus)).toEqual([]);
    });

    it('an event that cuts its connection each time is given up in the end', async () => {
      const { metric } = await begin(3_000);
      await bus.db.query(`
        CREATE OR REPLACE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN IF NEW.user_id = 'deadly' THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF; RETURN NEW; END $$;
        CREATE TRIGGER die BEFORE INSERT ON hrv_data FOR EACH ROW EXECUTE FUNCTION die()`);
      await publish(bus, event({ userId: 'deadly' }));
      await drained(bus);
      const letters = await deadLetters(bus);
      expect(letters.map((one) => one.header('AA-Dlq-Reason'))).toEqual(['max_deliver']);
      expect(letters[0]!.header('AA-Dlq-Error')).toContain('terminating connection');
      expect(await metric(messagesTotal('dlq'))).toBe(1);
    });
  });

  describe('of a batch', () => {
    let lane: Lane;
    /** When each statement was begun, ms. */
    let begun: number[];

    beforeEach(async () => {
      await migrated(bus);
      const real = createLane({ url: bus.postgres.url, name: 'batch', statementTimeoutMs: () => 300 });
      onTestFinished(() => real.close());
      begun = [];
      lane = {
        ...real,
        write(some) {
          begun.push(performance.now());
          return real.write(some);
        },
      };
    });

    const batch = (...users: string[]): Candidate[] =>
      users.map((userId, place) => ({
        place,
        event: { userId, date: '2025-10-02', rmssd: 55, capturedAtMs: 0 },
        capturedAtMs: 0,
        older: undefined,
      }));

    it.each(['40001', '40P01', '57014'])('%s is not retried in milliseconds', async (sqlstate) => {
      await failFor(bus, 'b', sqlstate);
      const failures = await storeRows(lane, batch('a', 'b'));
      expect([...failures].map(([{ event: one }, { fault }]) => [one.userId, fault])).toEqual([
        ['b', 'retry'],
      ]);
      expect(begun).toHaveLength(3);
      expect(begun[1]! - begun[0]!).toBeGreaterThanOrEqual(1_000);
      expect((await rows(bus)).map((row) => row.user_id)).toEqual(['a']);
    });

    it('a row that somebody has locked is alone in the end, and the others are stored', async () => {
      await hold(`INSERT INTO hrv_data VALUES ('b', '2025-10-02', 1, 0, 'epoch')`);
      const failures = await storeRows(lane, batch('a', 'b', 'c', 'd'));
      expect([...failures].map(([{ event: one }, failure]) => [one.userId, failure.unsure])).toEqual([
        ['b', undefined],
      ]);
      expect((await rows(bus)).map((row) => row.user_id)).toEqual(['a', 'c', 'd']);
    });

    it('rows that wait for others are handed back after a while, none of them blamed', async () => {
      await hold(`INSERT INTO hrv_data VALUES ('b', '2025-10-02', 1, 0, 'epoch')`);
      const failures = await storeRows(lane, batch('a', 'b', 'c'), 0);
      expect([...failures.values()].map(({ fault, unsure }) => [fault, unsure])).toEqual(
        Array(3).fill(['retry', true]),
      );
    });
  });
});
