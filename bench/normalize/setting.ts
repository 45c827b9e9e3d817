import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { connect, type JetStreamManager, type NatsConnection } from 'nats';
import pg from 'pg';
import {
  type NatsServer,
  type PostgresServer,
  startNats,
  startPostgres,
} from '../../cli/src/servers/index.ts';

export const STREAM = 'AA_CORE_HOT';
export const SUBJECT = 'athlete-ally.hrv.raw-received';
export const DURABLE = 'normalize-hrv-durable';

/** One nats-server (file, S2, R1) and one PostgreSQL (fsync on), as in shared production, for all contenders of a run. */
export interface Setting {
  nats: NatsServer;
  postgres: PostgresServer;
  nc: NatsConnection;
  jsm: JetStreamManager;
  db: pg.Pool;
  stop(): Promise<void>;
}

export async function startSetting(): Promise<Setting> {
  // On the disk, not on tmpfs as in tests: what a commit's fsync costs is half of the old loop.
  const dir = await mkdtemp('/var/tmp/aa-bench-');
  await chmod(dir, 0o711); // PostgreSQL runs as another user
  const [nats, postgres] = await Promise.all([
    startNats({ dir: `${dir}/nats` }),
    startPostgres({ dir: `${dir}/postgres`, fsync: true }),
  ]);
  const nc = await connect({ servers: nats.url });
  const jsm = await nc.jetstreamManager();
  const db = new pg.Pool({ connectionString: postgres.url, max: 8 });
  db.on('error', () => {}); // at the end the server is stopped under its idle connections
  return {
    nats,
    postgres,
    nc,
    jsm,
    db,
    async stop() {
      await nc.close();
      await db.end();
      await Promise.all([nats.stop(), postgres.stop()]);
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** A day's event of one of 100,000 athletes, about 149 bytes: mostly new rows, some updates. */
export function event(i: number): { userId: string; date: string; rmssd: number; capturedAt: string } {
  const day = new Date(Date.UTC(2025, 0, 1 + (Math.floor(i / 100_000) % 365)));
  return {
    userId: `athlete-${String((i * 7_919) % 100_000).padStart(6, '0')}-0000-4000-8000-00000000`,
    date: day.toISOString().slice(0, 10),
    rmssd: 20 + (i % 1_000) / 10,
    capturedAt: new Date(day.getTime() + 7 * 3_600_000 + (i % 86_400)).toISOString(),
  };
}

/** A new stream with `count` events and a durable at its start, and an empty table. */
export async function fill({ nc, jsm, db }: Setting, count: number): Promise<void> {
  await jsm.streams.delete(STREAM).catch(() => {});
  await db.query('DROP TABLE IF EXISTS hrv_data, aa_migrations, normalize_sweeps CASCADE');
  await jsm.streams.add({
    name: STREAM,
    subjects: ['athlete-ally.>', 'sleep.*'],
    compression: 's2' as never,
  });
  await publish(nc, count);
  await jsm.consumers.add(STREAM, {
    durable_name: DURABLE,
    filter_subject: SUBJECT,
    ack_policy: 'explicit' as never,
    ack_wait: 60e9,
    max_deliver: 5,
    max_ack_pending: 5_000, // as in topology/athlete-ally.yaml
  });
}

/** Events one after the other, each acked: what a server cannot queue it drops, and nobody would be told. */
export async function publish(nc: NatsConnection, count: number): Promise<void> {
  const WAVE = 1_000;
  for (let from = 0; from < count; from += WAVE) {
    const wave = Array.from({ length: Math.min(WAVE, count - from) }, (_, k) =>
      nc.request(SUBJECT, JSON.stringify(event(from + k)), { timeout: 30_000 }),
    );
    await Promise.all(wave);
  }
}

export async function until(fact: () => Promise<boolean>, everyMs = 20): Promise<void> {
  while (!(await fact())) await new Promise((resolve) => setTimeout(resolve, everyMs));
}
