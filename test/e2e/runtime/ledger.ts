import { headers as newHeaders } from 'nats';
import { expect } from 'vitest';
import { type Bus, DURABLE, event, SUBJECT, until } from '../../int/runtime/bus.ts';

/** What was sent, and what became of it. */
export interface Ledger {
  /** Sends so many more events, a tenth of them poison, each until a stream has stored it. */
  send(count: number): Promise<void>;
  /** Sends on until `stop` is called. */
  sendOn(perSecond: number): { stop(): Promise<void> };
  readonly sent: () => number;
  /** Waits until everything is accounted for and proves: sent = rows + dead letters, none in both, none twice. */
  settle(boundMs?: number): Promise<void>;
}

/** Kinds of poison; the number makes each one its own. */
const POISON: ((i: number) => string)[] = [
  (i) => `poison-${i}`,
  (i) => JSON.stringify(event({ userId: `poison-${i}\0` })),
  (i) => JSON.stringify(event({ userId: `poison-${i}`, date: '0000-01-01' })),
  (i) => `{"userId":"poison-${i}","date":"2025-10-02","rmssd":1e999}`,
  (i) => JSON.stringify(event({ userId: `poison-${i}`, rmssd: -0 })),
  (i) => JSON.stringify(event({ userId: `poison-${i}`, filler: 'é'.repeat(20_000), rmssd: 'wide' })),
  (i) => `${'{"a":'.repeat(2_000)}"poison-${i}"`,
  (i) => JSON.stringify([`poison-${i}`]),
  (i) => JSON.stringify(event({ userId: `poison-${i}`, capturedAt: 'when?' })),
  (i) => JSON.stringify(event({ userId: { id: `poison-${i}` } })),
];

export function createLedger(bus: Bus, stream = 'ATHLETE_ALLY_EVENTS'): Ledger {
  let next = 0;
  const js = bus.nc.jetstream({ timeout: 2_000 });

  async function sendOne(): Promise<void> {
    const i = next++;
    const body =
      i % 10 === 0 ? POISON[(i / 10) % POISON.length]!(i) : JSON.stringify(event({ userId: `good-${i}` }));
    const headers = newHeaders();
    headers.set('Nats-Msg-Id', `ledger-${i}`);
    for (;;) {
      try {
        await js.publish(SUBJECT, body, { headers });
        return;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 50)); // a server is away: the same id again
      }
    }
  }

  async function accounted(): Promise<boolean> {
    const { rows } = await bus.db.query<{ count: string }>('SELECT count(*) FROM hrv_data');
    const { state } = await bus.jsm.streams.info('AA_DLQ', { subjects_filter: 'dlq.>' });
    const letters = Object.values(state.subjects ?? {}).reduce((sum, n) => sum + n, 0);
    const info = await bus.jsm.consumers.info(stream, DURABLE);
    return Number(rows[0]!.count) + letters >= next && info.num_pending === 0 && info.num_ack_pending === 0;
  }

  const ledger: Ledger = {
    sent: () => next,
    async send(count) {
      const end = next + count;
      await Promise.all(
        Array.from({ length: 64 }, async () => {
          while (next < end) await sendOne();
        }),
      );
    },
    sendOn(perSecond) {
      let stopped = false;
      const running = (async () => {
        while (!stopped) {
          await ledger.send(Math.ceil(perSecond / 20));
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
      })();
      return {
        async stop() {
          stopped = true;
          await running;
        },
      };
    },
    async settle(boundMs = 60_000) {
      await until('everything is accounted for', () => accounted().catch(() => false), boundMs);
      const { rows } = await bus.db.query<{ user_id: string }>('SELECT user_id FROM hrv_data');
      const stored = rows.map((row) => row.user_id);
      const buried = await buriedIds(bus);
      const expected = Array.from({ length: next }, (_, i) => `${i % 10 === 0 ? 'poison' : 'good'}-${i}`);
      expect([...stored, ...buried].sort()).toEqual(expected.sort());
    },
  };
  return ledger;
}

async function buriedIds({ nc }: Bus): Promise<string[]> {
  const consumer = await nc.jetstream().consumers.get('AA_DLQ', { filterSubjects: 'dlq.>' });
  const { num_pending: count } = await consumer.info();
  const ids: string[] = [];
  while (ids.length < count) {
    const before = ids.length;
    const batch = await consumer.fetch({ max_messages: Math.min(1_000, count - before), expires: 30_000 });
    for await (const message of batch) {
      ids.push(
        /(poison|good)-\d+/.exec(message.string())?.[0] ?? `unknown: ${message.string().slice(0, 60)}`,
      );
    }
    if (ids.length === before) throw new Error(`only ${before} of ${count} dead letters could be read`);
  }
  return ids;
}
