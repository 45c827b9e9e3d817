import { connect, type JetStreamManager, type NatsConnection } from 'nats';
import pg from 'pg';
import { type NatsServer, type PostgresServer, startNats, startPostgres } from '../../support/servers.ts';

export const SUBJECT = 'athlete-ally.hrv.raw-received';
export const DURABLE = 'normalize-hrv-durable';
export const DLQ = 'dlq.normalize.hrv.raw-received';

/** A real bus and database with Athlete Ally's `single` topology, for one test file. */
export interface Bus {
  nats: NatsServer;
  postgres: PostgresServer;
  nc: NatsConnection;
  jsm: JetStreamManager;
  db: pg.Pool;
  stop(): Promise<void>;
}

export async function startBus(): Promise<Bus> {
  const [nats, postgres] = await Promise.all([startNats(), startPostgres({ fsync: false })]);
  const nc = await connect({ servers: nats.url, maxReconnectAttempts: -1, reconnectTimeWait: 50 });
  const jsm = await nc.jetstreamManager({ checkAPI: false });
  const db = new pg.Pool({ connectionString: postgres.url, max: 2 });
  db.on('error', () => {}); // tests stop the server under it
  return {
    nats,
    postgres,
    nc,
    jsm,
    db,
    async stop() {
      await nc.close();
      await db.end().catch(() => {});
      await Promise.all([nats.stop(), postgres.stop()]);
    },
  };
}

export const ADVISORIES = '$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.>';

/** Deletes every stream and the rows, so that a test starts from nothing. */
export async function clear({ jsm, db }: Bus): Promise<void> {
  for await (const stream of jsm.streams.list()) await jsm.streams.delete(stream.config.name);
  await db.query('DROP TABLE IF EXISTS hrv_data, aa_migrations, normalize_sweeps CASCADE');
}

/** The streams of contract.md's `single` or `multi` mode; the durable with an ack wait in ms. */
export async function makeTopology(
  { jsm }: Bus,
  mode: 'single' | 'multi' = 'single',
  durable: { ackWaitMs?: number; maxDeliver?: number; maxAckPending?: number } = {},
): Promise<void> {
  const main = mode === 'single' ? 'ATHLETE_ALLY_EVENTS' : 'AA_CORE_HOT';
  await jsm.streams.add({ name: main, subjects: ['athlete-ally.>', 'sleep.*'] });
  await jsm.streams.add({ name: 'AA_DLQ', subjects: ['dlq.>', ADVISORIES], duplicate_window: 3_600e9 });
  await addDurable({ jsm }, main, durable);
}

export async function addDurable(
  { jsm }: Pick<Bus, 'jsm'>,
  stream: string,
  durable: { ackWaitMs?: number; maxDeliver?: number; maxAckPending?: number } = {},
): Promise<void> {
  await jsm.consumers.add(stream, {
    durable_name: DURABLE,
    filter_subject: SUBJECT,
    ack_policy: 'explicit' as never,
    deliver_policy: 'all' as never,
    ack_wait: (durable.ackWaitMs ?? 30_000) * 1e6,
    max_deliver: durable.maxDeliver ?? 5,
    max_ack_pending: durable.maxAckPending ?? 5_000,
  });
}
