import { readFile } from 'node:fs/promises';
import type { ConsumerMessages, JsMsg } from 'nats';
import pg from 'pg';
import { createLane } from '../../consumers-runtime/src/normalize/lane.ts';
import { type Candidate, newestOfEach } from '../../consumers-runtime/src/normalize/rows.ts';
import { DURABLE, event, fill, publish, type Setting, STREAM, until } from './setting.ts';
import { startPod } from './pod.ts';

/** Messages (or rows) a second of one way to do it. */
export type Contender = (setting: Setting, count: number) => Promise<number>;

const TABLE = new URL('../../consumers-runtime/migrations/001_hrv_data.sql', import.meta.url);
const UPSERT = `INSERT INTO hrv_data AS stored (user_id, date, rmssd, ln_rmssd, captured_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (user_id, date) DO UPDATE SET rmssd = excluded.rmssd, ln_rmssd = excluded.ln_rmssd,
captured_at = excluded.captured_at, updated_at = now() WHERE stored.captured_at <= excluded.captured_at`;

const makeTable = async (setting: Setting): Promise<void> => {
  await setting.db.query(await readFile(TABLE, 'utf8'));
};

async function upsertOne(db: pg.Pool | pg.Client, msg: JsMsg): Promise<void> {
  const { userId, date, rmssd, capturedAt } = msg.json<ReturnType<typeof event>>();
  await db.query({ name: 'one', text: UPSERT, values: [userId, date, rmssd, Math.log(rmssd), capturedAt] });
}

const rate = (count: number, started: number): number => (count * 1_000) / (performance.now() - started);

/** The handoff report's loop with its two faults repaired (a pull for each turn, one iterator): one message, one upsert, one ack. */
export const oldLoop: Contender = async (setting, count) => {
  await fill(setting, count);
  await makeTable(setting);
  const client = new pg.Client({ connectionString: setting.postgres.url });
  await client.connect();
  const consumer = await setting.nc.jetstream().consumers.get(STREAM, DURABLE);
  const started = performance.now();
  for (let i = 0; i < count; i++) {
    const msg = await consumer.next({ expires: 5_000 });
    if (!msg) throw new Error('the old loop starved');
    await upsertOne(client, msg);
    msg.ack();
  }
  const result = rate(count, started);
  await client.end();
  return result;
};

/** What most services do next: 32 messages at a time, each with its own upsert, over a pool of 8. */
export const parallelUpserts: Contender = async (setting, count) => {
  await fill(setting, count);
  await makeTable(setting);
  const consumer = await setting.nc.jetstream().consumers.get(STREAM, DURABLE);
  const started = performance.now();
  const waiting: JsMsg[] = [];
  let running = 0;
  let done = 0;
  let consuming: Promise<ConsumerMessages> | undefined;
  await new Promise<void>((resolve) => {
    const next = (): void => {
      for (; running < 32 && waiting.length > 0; running++) {
        const msg = waiting.shift()!;
        void upsertOne(setting.db, msg).then(() => {
          msg.ack();
          running--;
          if (++done === count) resolve();
          else next();
        });
      }
    };
    consuming = consumer.consume({
      max_messages: 500,
      callback: (msg) => {
        waiting.push(msg);
        next();
      },
    });
  });
  const result = rate(count, started);
  // Left open it would pull from the next contender's durable, which has the same name.
  (await consuming)?.stop();
  return result;
};

const UNNEST = `INSERT INTO hrv_data AS stored (user_id, date, rmssd, ln_rmssd, captured_at)
SELECT * FROM unnest($1::text[], $2::date[], $3::float8[], $4::float8[], $5::timestamptz[])
ON CONFLICT (user_id, date) DO UPDATE SET rmssd = excluded.rmssd, ln_rmssd = excluded.ln_rmssd,
captured_at = excluded.captured_at, updated_at = now() WHERE stored.captured_at <= excluded.captured_at`;

/** The bare upsert as one writes it: 1,000 events that are in memory become five arrays for `pg`, on two connections. No bus, no parsing. */
export const unnestUpsert: Contender = async (setting, count) => {
  await fill(setting, 0);
  await makeTable(setting);
  const clients = [1, 2].map(() => new pg.Client({ connectionString: setting.postgres.url }));
  for (const client of clients) await client.connect();
  const batches = Array.from({ length: Math.ceil(count / 1_000) }, (_, n) =>
    Array.from({ length: Math.min(1_000, count - n * 1_000) }, (__, k) => event(n * 1_000 + k)),
  );
  const started = performance.now();
  await Promise.all(
    clients.map(async (client) => {
      for (let batch = batches.shift(); batch; batch = batches.shift()) {
        const values = [
          batch.map(({ userId }) => userId),
          batch.map(({ date }) => date),
          batch.map(({ rmssd }) => rmssd),
          batch.map(({ rmssd }) => Math.log(rmssd)),
          batch.map(({ capturedAt }) => capturedAt),
        ];
        await client.query({ name: 'unnest', text: UNNEST, values });
      }
    }),
  );
  const result = rate(count, started);
  for (const client of clients) await client.end();
  return result;
};

/** The database alone: our own statement with 1,000 rows on two connections, grouped and sorted before; no bus, no parsing. */
export const bareUpsert: Contender = async (setting, count) => {
  await fill(setting, 0);
  await makeTable(setting);
  const lanes = [1, 2].map((i) =>
    createLane({ url: setting.postgres.url, name: `bench ${i}`, statementTimeoutMs: () => 30_000 }),
  );
  const batches: Candidate[][] = [];
  for (let i = 0; i < count; i += 1_000) {
    const events = Array.from({ length: Math.min(1_000, count - i) }, (_, k) => event(i + k));
    batches.push(
      newestOfEach(
        events.map((one, place) => {
          const capturedAtMs = Date.parse(one.capturedAt);
          return { place, event: { ...one, capturedAtMs }, capturedAtMs, older: undefined };
        }),
      ),
    );
  }
  for (const lane of lanes) await lane.probe();
  const started = performance.now();
  await Promise.all(
    lanes.map(async (lane) => {
      for (let batch = batches.shift(); batch; batch = batches.shift()) await lane.write(batch);
    }),
  );
  const result = rate(count, started);
  for (const lane of lanes) await lane.close();
  return result;
};

/** The built aa-normalize as a pod runs it, with everything on; `env` turns things off. Two pods where `pods` says so. */
export const ours =
  (env: Record<string, string> = {}, pods = 1): Contender =>
  async (setting, count) => {
    await fill(setting, 0);
    // Migrated, connected and warm first: the run times the loop, not the start.
    const running = await Promise.all(Array.from({ length: pods }, () => startPod(setting, env)));
    await Promise.all(running.map((pod) => pod.ready));
    await setting.jsm.consumers.pause(STREAM, DURABLE, new Date(Date.now() + 3_600_000));
    await publish(setting.nc, count);
    last.peakRssMiB = 0;
    await setting.jsm.consumers.resume(STREAM, DURABLE);
    // The server tells the pull requests that stand of the resumption up to a second late: the clock starts with the first ack.
    let first = 0;
    await until(async () => (first = await acked(setting)) > 0, 2);
    const before = running.reduce((sum, pod) => sum + pod.cpuMs(), 0);
    const started = performance.now();
    await until(async () => (await acked(setting)) >= count, 10);
    const result = rate(count - first, started);
    last.cpuMicros =
      ((running.reduce((sum, pod) => sum + pod.cpuMs(), 0) - before) * 1_000) / (count - first);
    for (const pod of running) {
      last.peakRssMiB = Math.max(last.peakRssMiB, pod.peakRssMiB());
      await pod.stop();
    }
    return result;
  };

const acked = async ({ jsm }: Setting): Promise<number> =>
  (await jsm.consumers.info(STREAM, DURABLE)).ack_floor.stream_seq;

/** Of the last run of `ours`. */
export const last = { peakRssMiB: 0, cpuMicros: 0 };
