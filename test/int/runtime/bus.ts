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

/** `natsConfig`: text of a nats-server configuration. */
export async function startBus(natsConfig = ''): Promise<Bus> {
  const [nats, postgres] = await Promise.all([
    startNats({ config: natsConfig }),
    startPostgres({ fsync: false }),
  ]);
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
  await db.query('DROP TABLE IF EXISTS hrv_data, aa_migrations, normalize_sweeps, oura_tokens CASCADE');
}

/** The streams that the pods know in `single` or `multi` mode; the durable with an ack wait in ms. */
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

/** Waits for a fact, 20 s at most; the error names it. */
export async function until(
  what: string,
  fact: () => Promise<boolean> | boolean,
  boundMs = 20_000,
): Promise<void> {
  const deadline = performance.now() + boundMs;
  while (!(await fact())) {
    if (performance.now() > deadline) throw new Error(`waited ${boundMs} ms in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Everything delivered and acked. */
export async function drained(
  { jsm }: Pick<Bus, 'jsm'>,
  stream = 'ATHLETE_ALLY_EVENTS',
  boundMs = 20_000,
): Promise<void> {
  await until(
    `${stream} is drained`,
    async () => {
      // num_pending alone may still be 0 right after a publish: the consumer hears of it a moment later.
      const { last_seq } = (await jsm.streams.info(stream)).state;
      const info = await jsm.consumers.info(stream, DURABLE);
      return info.num_pending === 0 && info.num_ack_pending === 0 && info.delivered.stream_seq >= last_seq;
    },
    boundMs,
  );
}

/** Publishes and waits until it is stored. */
export async function publish({ nc }: Pick<Bus, 'nc'>, body: unknown): Promise<number> {
  const data = body instanceof Uint8Array || typeof body === 'string' ? body : JSON.stringify(body);
  return (await nc.jetstream().publish(SUBJECT, data as Uint8Array)).seq;
}

export interface DeadLetter {
  subject: string;
  body: string;
  header(name: string): string;
}

/** All dead letters, oldest first; raw advisories are none. */
export async function deadLetters({ jsm }: Pick<Bus, 'jsm'>): Promise<DeadLetter[]> {
  const letters: DeadLetter[] = [];
  const { state } = await jsm.streams.info('AA_DLQ');
  for (let seq = state.first_seq; state.messages > 0 && seq <= state.last_seq; seq++) {
    const message = await jsm.streams.getMessage('AA_DLQ', { seq });
    if (message.subject.startsWith('$JS.')) continue;
    letters.push({
      subject: message.subject,
      body: message.string(),
      header: (name) => message.header.get(name),
    });
  }
  return letters;
}

export interface Row {
  user_id: string;
  date: string;
  rmssd: number;
  ln_rmssd: number;
  captured_at: Date;
}

export async function rows({ db }: Pick<Bus, 'db'>): Promise<Row[]> {
  const result = await db.query<Row>(
    'SELECT user_id, date::text, rmssd, ln_rmssd, captured_at FROM hrv_data ORDER BY user_id, date',
  );
  return result.rows;
}

/** A valid event; what matters to the test is given. */
export const event = (over: Record<string, unknown> = {}): Record<string, unknown> => ({
  userId: 'athlete-1',
  date: '2025-10-02',
  rmssd: 55,
  capturedAt: '2025-10-02T07:00:00Z',
  ...over,
});
