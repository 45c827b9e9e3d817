import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  DEFAULT_WORKLOADS,
  type LocalPlatformHandle,
  startLocalPlatform,
  takeDown,
} from '../../../cli/src/platform/local/index.ts';
import { askJetStream } from '../../../cli/src/servers/natsProbe.ts';
import { makeTempDir } from '../../support/servers.ts';

const STREAM = 'ATHLETE_ALLY_EVENTS';
const DURABLE = 'normalize-hrv-durable';
const SUBJECT = 'athlete-ally.hrv.raw-received';
const dir = makeTempDir('real');
let it: LocalPlatformHandle;

beforeAll(async () => {
  it = await startLocalPlatform({
    dir,
    ports: { nats: 'any', postgres: 'any', frontDoor: 'any' },
    async onReady({ natsUrl }) {
      const port = Number(new URL(natsUrl).port);
      const consumer = {
        durable_name: DURABLE,
        filter_subjects: [SUBJECT],
        ack_policy: 'explicit',
        max_deliver: 5,
      };
      await askJetStream(
        port,
        `STREAM.CREATE.${STREAM}`,
        { name: STREAM, subjects: ['athlete-ally.>'] },
        5_000,
      );
      await askJetStream(port, 'STREAM.CREATE.AA_DLQ', { name: 'AA_DLQ', subjects: ['dlq.>'] }, 5_000);
      const create = `CONSUMER.DURABLE.CREATE.${STREAM}.${DURABLE}`;
      await askJetStream(port, create, { stream_name: STREAM, config: consumer }, 5_000);
    },
  });
});
afterAll(async () => {
  await takeDown(dir, { deleteData: true });
});

test('the built pods are restarted under traffic: no event refused, each one a row', async () => {
  expect(it.notReady).toBeUndefined();
  let sending = true;
  const refused: string[] = [];
  const received: string[] = [];
  const client = async (who: number): Promise<void> => {
    for (let i = 0; sending; i++) {
      const event = { userId: `client-${who}-${i}`, date: '2025-10-02', rmssd: 40 + (i % 30) };
      const options = {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(event),
      };
      const answer = await fetch(`${it.frontDoor}/ingest/hrv`, options).then((r) => r.status, String);
      if (typeof answer === 'number' && answer < 300) received.push(event.userId);
      else refused.push(String(answer));
    }
  };
  const clients = [client(1), client(2), client(3), client(4)];
  for (const workload of DEFAULT_WORKLOADS) {
    const result = await it.platform.restart(workload, 'run-1', { timeoutMs: 60_000, onProgress: () => {} });
    expect(result).toMatchObject({ status: 'done' });
  }
  sending = false;
  await Promise.all(clients);
  expect(refused).toEqual([]);
  expect(received.length).toBeGreaterThan(0);

  const database = new pg.Client({ connectionString: it.databaseUrl });
  await database.connect();
  const stored = async (): Promise<string[]> =>
    (await database.query<{ user_id: string }>('select user_id from hrv_data')).rows
      .map((row) => row.user_id)
      .sort();
  await expect.poll(stored, { timeout: 30_000, interval: 50 }).toEqual(received.sort());
  await database.end();
});

test('their logs say what they are bound to, each generation anew', async () => {
  const logs = await it.platform.logs(DEFAULT_WORKLOADS[0]!, { tail: 100, sinceStart: true });
  expect(logs).toHaveLength(2);
  for (const { lines } of logs) {
    expect(lines).toContain('[event-bus] Stream mode: single (EVENT_STREAM_MODE="single")');
    expect(lines).toContain(`[normalize] Found existing HRV consumer on ${STREAM}: ${DURABLE}`);
  }
});
