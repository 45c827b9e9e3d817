import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Bus, drained, DURABLE, event, makeTopology, publish, rows, startBus, until } from './bus.ts';
import { type Pod, startPod } from './pod.ts';

const COUNT = 120;
const LARGE = 900_000;

describe('large events', () => {
  let bus: Bus;
  let pod: Pod;

  beforeAll(async () => {
    bus = await startBus();
    await makeTopology(bus);
    pod = await startPod(bus);
  });
  afterAll(async () => {
    await pod.stop();
    await bus.stop();
  });

  it('are held by their bytes while the database stands still, not by their number', async () => {
    const locker = new pg.Client({ connectionString: bus.postgres.url });
    await locker.connect();
    await locker.query('BEGIN; LOCK TABLE hrv_data IN SHARE MODE');
    for (let i = 0; i < COUNT; i++)
      await publish(bus, event({ userId: `v-${i}`, filler: 'x'.repeat(LARGE) }));
    let held = 0;
    await until('nothing more is asked for', async () => {
      const info = await bus.jsm.consumers.info('ATHLETE_ALLY_EVENTS', DURABLE);
      held = info.num_ack_pending;
      return info.num_waiting === 0 && held > 0;
    });
    await locker.end();
    // 64 MiB, and what was under way when they were full.
    expect(held * LARGE).toBeLessThan((64 + 16) * 1024 * 1024);
    await drained(bus);
    expect(await rows(bus)).toHaveLength(COUNT);
  });
});
