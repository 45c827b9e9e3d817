import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { migrate } from '../../../consumers-runtime/src/database/migrate.ts';
import { type Candidate, toColumns } from '../../../consumers-runtime/src/normalize/rows.ts';
import { checkHrvEvent, type HrvEvent } from '../../../consumers-runtime/src/shared/hrvEvent.ts';
import { type Bus, clear, drained, event, makeTopology, publish, startBus, until } from './bus.ts';
import { startForgetful } from './forgetful.ts';
import { MIGRATIONS } from './migrated.ts';
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
  const running = new AbortController().signal;
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
    await Promise.all(Array.from({ length: 8 }, () => migrate(bus.postgres.url, MIGRATIONS, log, running)));
    const { rows } = await bus.db.query('SELECT number FROM aa_migrations ORDER BY number');
    expect(rows).toEqual([{ number: 1 }, { number: 2 }, { number: 3 }]);
    expect(lines.filter((line) => !line.includes('Waiting for it'))).toEqual([
      '[normalize] Migration 001_hrv_data.sql applied',
      '[normalize] Migration 002_normalize_sweeps.sql applied',
      '[normalize] Migration 003_oura_tokens.sql applied',
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

  it('is migrated once whoever has the lock is done, and not waited for when the pod is to stop', async () => {
    const holder = await bus.db.connect();
    await holder.query('BEGIN');
    await holder.query('SELECT pg_advisory_xact_lock($1)', [0x61616872]);
    const stopping = new AbortController();
    const stopped = migrate(bus.postgres.url, MIGRATIONS, log, stopping.signal);
    const waiting = migrate(bus.postgres.url, MIGRATIONS, log, running);
    await until('both wait', () => lines.length === 2);
    expect(new Set(lines)).toEqual(
      new Set(['[normalize] Another pod migrates the database. Waiting for it.']),
    );
    stopping.abort();
    await stopped;
    await holder.query('ROLLBACK');
    holder.release();
    await waiting;
    expect(lines).toContain('[normalize] Migration 001_hrv_data.sql applied');
  });

  it('is not migrated for ever by a pod that has frozen', async () => {
    const frozen = await startForgetful(bus.postgres.url, 'CREATE TABLE IF NOT EXISTS aa_migrations');
    onTestFinished(frozen.close);
    await expect(migrate(frozen.url, MIGRATIONS, log, running)).rejects.toThrow();
    await migrate(bus.postgres.url, MIGRATIONS, log, running); // in 10 s the server has ended its session
    expect(lines).toContain('[normalize] Migration 003_oura_tokens.sql applied');
  });

  it('is not migrated on when a migration that has run was changed', async () => {
    await migrate(bus.postgres.url, MIGRATIONS, log, running);
    await bus.db.query(`UPDATE aa_migrations SET checksum = 'other' WHERE number = 1`);
    await expect(migrate(bus.postgres.url, MIGRATIONS, log, running)).rejects.toThrow(
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

  it('with a deferrable key is refused, whether or not another stands beside it, and used as soon as the SQL was run', async () => {
    await bus.db
      .query(`CREATE TABLE hrv_data (user_id text NOT NULL, date date NOT NULL, rmssd float8 NOT NULL, ln_rmssd float8 NOT NULL,
      captured_at timestamptz NOT NULL, created_at timestamptz DEFAULT now(), updated_at timestamptz,
      CONSTRAINT "late Key" UNIQUE (user_id, date) DEFERRABLE)`);
    const refusal = await migrate(bus.postgres.url, MIGRATIONS, log, running).then(
      () => '',
      (error: Error) => error.message,
    );
    expect(refusal).toContain('its unique key "late Key" is deferrable');
    await bus.db.query('CREATE UNIQUE INDEX beside ON hrv_data (user_id, date)');
    await expect(migrate(bus.postgres.url, MIGRATIONS, log, running)).rejects.toThrow(/DROP CONSTRAINT/);
    await bus.db.query(`DROP INDEX beside; ${/run: (.*;)/.exec(refusal)![1]!}`);
    await makeTopology(bus);
    const pod = await startPod(bus);
    await publish(bus, event());
    await drained(bus);
    await pod.stop();
    expect((await bus.db.query('SELECT user_id FROM hrv_data')).rows).toHaveLength(1);
  });

  it('whose key was made deferrable later gives up no event', async () => {
    await makeTopology(bus, 'single', { maxDeliver: 1 });
    const pod = await startPod(bus);
    await bus.db.query(
      `ALTER TABLE hrv_data DROP CONSTRAINT hrv_data_pkey, ADD CONSTRAINT late UNIQUE (user_id, date) DEFERRABLE`,
    );
    await publish(bus, event());
    await until('health tells', async () => (await pod.health()).status === 503);
    await bus.db.query('ALTER TABLE hrv_data DROP CONSTRAINT late, ADD PRIMARY KEY (user_id, date)');
    await drained(bus);
    await pod.stop();
    expect((await bus.db.query('SELECT user_id FROM hrv_data')).rows).toHaveLength(1);
  });

  it('gets what its statement is given, whatever a user is called and whenever an event was', async () => {
    const digits = (of: number, size: number): string => String(of).padStart(size, '0');
    const instants = [
      '2025-10-02T24:00:00Z',
      '2024-02-29T23:59:59.9Z',
      '9999-12-31T23:59:59.999Z',
      '0001-01-01T00:00:00Z',
    ];
    for (let i = 0; i < 5_000; i++) {
      const day = `${digits(1 + ((i * 7_919) % 9_999), 4)}-${digits(1 + (i % 12), 2)}-${digits(1 + (i % 28), 2)}`;
      const fraction = i % 4 === 0 ? '' : `.${digits((i * 37) % 10 ** (i % 4), i % 4)}`;
      instants.push(
        `${day}T${digits(i % 24, 2)}:${digits(i % 60, 2)}:${digits((i * 7) % 60, 2)}${fraction}Z`,
      );
    }
    const users = [
      'plain-id_1',
      'NULL',
      'null',
      '{',
      '}',
      ',',
      '"',
      '\\',
      '\\"',
      ' x ',
      'é😀',
      "'",
      '\x01\n',
    ];
    const sent = instants.map((capturedAt, i) => ({
      userId: i % 7 === 0 ? users[i % users.length]! : `athlete-${i}`,
      date: capturedAt.slice(0, 10),
      rmssd: [0.1, 5e-324, 1.7976931348623157e308, 1 / 3, i + 0.5][i % 5]!,
      capturedAt,
    }));
    for (const some of [sent, sent.filter((_one, i) => i % 7 !== 0), []]) {
      const rows = some.map((one, place): Candidate => {
        const read = checkHrvEvent(one) as HrvEvent;
        return { place, event: read, capturedAtMs: read.capturedAtMs!, older: undefined };
      });
      const { rows: different } = await bus.db.query(
        `SELECT * FROM unnest($1::text[], $2::date[], $3::float8[], $4::float8[], $5::timestamptz[], $6::text[], $7::text[], $8::text[], $9::text[])
           AS t(u, d, r, l, c, user_id, date, rmssd, captured_at)
         WHERE u IS DISTINCT FROM user_id OR d IS DISTINCT FROM date::date OR r IS DISTINCT FROM rmssd::float8 OR c IS DISTINCT FROM captured_at::timestamptz`,
        [
          ...toColumns(rows),
          some.map(({ userId }) => userId),
          some.map(({ date }) => date),
          some.map(({ rmssd }) => String(rmssd)),
          some.map(({ capturedAt }) => capturedAt),
        ],
      );
      expect(different).toEqual([]);
    }
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
