import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { migrate } from '../../../consumers-runtime/src/normalize/migrate.ts';
import { checkHrvEvent, type HrvEvent } from '../../../consumers-runtime/src/shared/hrvEvent.ts';
import { type Bus, clear, drained, event, makeTopology, publish, startBus, until } from './bus.ts';
import { startPod } from './pod.ts';

const PRISMA = `CREATE TABLE hrv_data (
  "id" TEXT NOT NULL, "userId" TEXT NOT NULL, "date" TIMESTAMP(3) NOT NULL, "rmssd" DOUBLE PRECISION NOT NULL,
  "lnRmssd" DOUBLE PRECISION NOT NULL, "capturedAt" TIMESTAMP(3) NOT NULL,
  "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP, "updatedAt" TIMESTAMP(3) NOT NULL,
  CONSTRAINT "hrv_data_pkey" PRIMARY KEY ("id"));
CREATE UNIQUE INDEX "hrv_data_userId_date_key" ON hrv_data("userId", "date");
INSERT INTO hrv_data VALUES ('1', 'athlete-1', '2025-10-02', 40, 3.7, '2025-10-02T06:00:00', now(), now())`;

describe('the table', () => {
  let bus: Bus;
  const folder = new URL('../../../consumers-runtime/migrations/', import.meta.url);
  const lines: string[] = [];
  const write = (line: string): void => void lines.push(line);
  const log = { info: write, warn: write, error: write };

  beforeAll(async () => {
    bus = await startBus();
  });
  afterAll(() => bus.stop());
  beforeEach(async () => {
    lines.length = 0;
    await clear(bus);
  });

  it('is made by numbered migrations that every pod may run at once, each once', async () => {
    await Promise.all(Array.from({ length: 8 }, () => migrate(bus.postgres.url, folder, log)));
    const { rows } = await bus.db.query('SELECT number FROM aa_migrations ORDER BY number');
    expect(rows).toEqual([{ number: 1 }, { number: 2 }]);
    expect(lines).toEqual([
      '[normalize] Migration 001_hrv_data.sql applied',
      '[normalize] Migration 002_normalize_sweeps.sql applied',
    ]);
    const columns = await bus.db.query(
      `SELECT column_name FROM information_schema.columns WHERE table_name = 'hrv_data' ORDER BY ordinal_position`,
    );
    expect(columns.rows.map((row: { column_name: string }) => row.column_name)).toEqual([
      'user_id',
      'date',
      'rmssd',
      'ln_rmssd',
      'captured_at',
      'created_at',
      'updated_at',
    ]);
  });

  it('is not migrated on when a migration that has run was changed', async () => {
    await migrate(bus.postgres.url, folder, log);
    await bus.db.query(`UPDATE aa_migrations SET checksum = 'other' WHERE number = 1`);
    await expect(migrate(bus.postgres.url, folder, log)).rejects.toThrow(
      /001_hrv_data.sql was changed after it had run/,
    );
  });

  it('is adopted when somebody made it with the columns that are needed', async () => {
    await bus.db
      .query(`CREATE TABLE hrv_data (id bigserial PRIMARY KEY, user_id varchar(200) NOT NULL, date date NOT NULL, rmssd real NOT NULL,
      ln_rmssd numeric NOT NULL, captured_at timestamp NOT NULL, created_at timestamptz DEFAULT now(), updated_at timestamptz, note text,
      UNIQUE (date, user_id))`);
    await makeTopology(bus);
    const pod = await startPod(bus);
    await publish(bus, event({ capturedAt: '2025-10-02T09:00:00+02:00' }));
    await drained(bus);
    await pod.stop();
    expect(pod.lines).toContain('[normalize] Adopted the table hrv_data that was there already');
    const { rows } = await bus.db.query('SELECT user_id, captured_at::text FROM hrv_data');
    expect(rows).toEqual([{ user_id: 'athlete-1', captured_at: '2025-10-02 07:00:00' }]);
  });

  it('reads an instant from its text as we do, to the ms, wherever the text is passed on', async () => {
    const digits = (of: number, size: number): string => String(of).padStart(size, '0');
    const texts = ['2025-10-02T24:00:00Z', '2024-02-29T23:59:59.9Z', '9999-12-31T23:59:59.999Z'];
    for (let i = 0; i < 5_000; i++) {
      const day = `${digits(1 + ((i * 7_919) % 9_999), 4)}-${digits(1 + (i % 12), 2)}-${digits(1 + (i % 28), 2)}`;
      const fraction = i % 4 === 0 ? '' : `.${digits((i * 37) % 10 ** (i % 4), i % 4)}`;
      texts.push(`${day}T${digits(i % 24, 2)}:${digits(i % 60, 2)}:${digits((i * 7) % 60, 2)}${fraction}Z`);
    }
    const events = texts.map((capturedAt) => checkHrvEvent(event({ capturedAt })) as HrvEvent);
    expect(events.map((one) => one.capturedAtText)).toEqual(texts);
    const ours = events.map((one) => new Date(one.capturedAtMs!).toISOString());
    const { rows } = await bus.db.query(
      'SELECT text FROM unnest($1::text[], $2::text[]) AS t(text, ours) WHERE text::timestamptz <> ours::timestamptz',
      [texts, ours],
    );
    expect(rows).toEqual([]);
  });

  it('of Prisma’s is refused with the SQL to run, and used as soon as that was run', async () => {
    await bus.db.query(PRISMA);
    await makeTopology(bus);
    const pod = await startPod(bus, {}, false);
    await until('it is refused', () =>
      pod.lines.some((line) => line.includes('hrv_data was not made by these migrations')),
    );
    const refusal = pod.lines.find((line) => line.includes('hrv_data was not made'))!;
    expect(refusal).toContain('user_id is called "userId"');
    expect((await fetch(`${pod.url}/readyz`)).status).toBe(503);

    await bus.db.query(/run: (.*;)/.exec(refusal)![1]!);
    await until('it is ready', async () => (await fetch(`${pod.url}/readyz`)).ok);
    await publish(bus, event());
    await publish(bus, event({ userId: 'new' }));
    await drained(bus);
    await pod.stop();
    const { rows } = await bus.db.query(
      'SELECT user_id, rmssd, captured_at::text FROM hrv_data ORDER BY user_id',
    );
    expect(rows).toEqual([
      { user_id: 'athlete-1', rmssd: 55, captured_at: '2025-10-02 07:00:00' },
      { user_id: 'new', rmssd: 55, captured_at: '2025-10-02 07:00:00' },
    ]);
  });
});
