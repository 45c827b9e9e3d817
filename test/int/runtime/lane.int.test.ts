import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { DatabaseAway } from '../../../consumers-runtime/src/normalize/classify.ts';
import { createLane, type Lane } from '../../../consumers-runtime/src/normalize/lane.ts';
import type { Candidate } from '../../../consumers-runtime/src/normalize/rows.ts';
import { checkHrvEvent, type HrvEvent } from '../../../consumers-runtime/src/shared/hrvEvent.ts';
import { type Bus, event, startBus } from './bus.ts';
import { startForgetful } from './forgetful.ts';
import { migrated } from './migrated.ts';

describe('a lane', () => {
  let bus: Bus;
  const lanes: Lane[] = [];
  const open = (url = bus.postgres.url): Lane => {
    const lane = createLane({ url, name: 'test lane', statementTimeoutMs: () => 2_000 });
    lanes.push(lane);
    return lane;
  };

  beforeAll(async () => {
    bus = await startBus();
  });
  afterAll(() => bus.stop());
  beforeEach(() => migrated(bus));
  afterEach(() => Promise.all(lanes.splice(0).map((lane) => lane.close())));

  it('whose connection is forgotten in the middle of a probe locks nobody out', async () => {
    const forgetful = await startForgetful(bus.postgres.url, 'INSERT');
    onTestFinished(forgetful.close);
    await expect(open(forgetful.url).probe()).rejects.toThrow(DatabaseAway);
    // The server still holds that session, and has heard nothing of its end.
    const { rows } = await bus.db.query(
      `SELECT state FROM pg_stat_activity WHERE application_name = 'test lane'`,
    );
    expect(rows).toHaveLength(1);
    await open().probe();
  });

  it('does not wait with its probe for another one’s', async () => {
    const other = await bus.db.connect();
    await other.query(`BEGIN; INSERT INTO hrv_data VALUES ('', '0001-01-01', 1, 0, '0001-01-01T00:00:00Z')`);
    await open()
      .probe()
      .finally(() => other.query('ROLLBACK').then(() => other.release()));
  });

  it('leaves no row behind, and goes on after a probe that a constraint refused', async () => {
    const lane = open();
    await lane.probe();
    await bus.db.query(`ALTER TABLE hrv_data ADD CONSTRAINT named CHECK (user_id <> '')`);
    await lane.probe();
    expect((await lane.query('SELECT * FROM hrv_data')).rows).toEqual([]);
  });

  it('lets the server end a session that does nothing in the middle of a transaction', async () => {
    const { rows } = await open().query('SHOW idle_in_transaction_session_timeout');
    expect(rows).toEqual([{ idle_in_transaction_session_timeout: '5s' }]);
  });

  it('ends a transaction whose connection was lost instead of going on without it', async () => {
    const lane = open();
    const add = (user: string) =>
      lane.query(`INSERT INTO hrv_data VALUES ($1, '2025-10-02', 1, 0, now())`, [user]);
    const lost = lane.transaction(async () => {
      await add('before');
      const { rows } = await lane.query('SELECT pg_backend_pid() AS pid');
      await bus.db.query('SELECT pg_terminate_backend($1, 5000)', [rows[0].pid]);
      await add('after').catch(() => {}); // notices the loss
      await add('on another connection');
    });
    await expect(lost).rejects.toThrow(DatabaseAway);
    expect((await bus.db.query('SELECT user_id FROM hrv_data')).rows).toEqual([]);
    await lane.transaction(() => add('kept'));
    await expect(
      lane.transaction(async () => {
        await add('taken back');
        throw new Error('on second thoughts');
      }),
    ).rejects.toThrow('on second thoughts');
    expect((await bus.db.query('SELECT user_id FROM hrv_data')).rows).toEqual([{ user_id: 'kept' }]);
  });

  it('whose statement was prepared in another session, behind a pooler, prepares none', async () => {
    const lane = open();
    await lane.write([candidate({ userId: 'a' })]);
    await lane.query('DEALLOCATE ALL'); // the next statement meets a session that has not heard of it
    await lane.write([candidate({ userId: 'b' })]);
    await lane.write([candidate({ userId: 'c' })]);
    expect((await bus.db.query('SELECT user_id FROM hrv_data ORDER BY 1')).rows).toHaveLength(3);
    expect((await lane.query('SELECT name FROM pg_prepared_statements')).rows).toEqual([]);
    const other = open();
    await other.query('PREPARE hrv_upsert AS SELECT 1');
    await other.write([candidate({ userId: 'd' })]);
  });

  it.each([
    ['numeric(8,2)', 'timestamp(0)'],
    ['numeric', 'timestamp(3)'],
    ['real', 'timestamptz(0)'],
  ])('finds what it wrote where the columns are %s and %s', async (number, instant) => {
    await bus.db.query(`ALTER TABLE hrv_data ALTER rmssd TYPE ${number}, ALTER captured_at TYPE ${instant}`);
    const lane = open();
    const one = candidate({ rmssd: 55.1 + 0.02345678901234567, capturedAt: '2025-10-02T07:00:00.400Z' });
    await lane.write([one]);
    expect(await lane.isStored(one)).toBe(true);
    expect(await lane.isStored(candidate({ capturedAt: '2025-10-02T06:00:00Z' }))).toBe(true); // a newer one is
    expect(await lane.isStored(candidate({ capturedAt: '2025-10-02T07:00:01Z' }))).toBe(false);
    expect(await lane.isStored({ ...one, event: { ...one.event, rmssd: 99 } })).toBe(false);
  });
});

function candidate(over: Record<string, unknown>): Candidate {
  const read = checkHrvEvent(event(over)) as HrvEvent;
  return { place: 0, event: read, capturedAtMs: read.capturedAtMs!, older: undefined };
}
