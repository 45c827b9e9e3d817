import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { publishMessage } from '@aa-ops/topology';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeBackup } from '../../../cli/src/backup/writeBackup.ts';
import { nonePlatform, type Platform } from '../../../cli/src/platform/platform.ts';
import { startRun, type TestRun } from '../../support/runs.ts';
import { seedTopology } from '../../support/topologies.ts';

const dir = mkdtempSync(join(tmpdir(), 'aa-backup-'));
let run: TestRun;
beforeAll(async () => {
  run = await startRun(seedTopology);
  const options = { headers: [], timeoutMs: 5_000 };
  for (let n = 0; n < 7; n++)
    await publishMessage(run.account.connection, 'athlete-ally.hrv.raw-received', new Uint8Array(), options);
});
afterAll(async () => {
  await run?.stop();
  rmSync(dir, { recursive: true, force: true });
});

const platform: Platform = {
  ...nonePlatform,
  kind: 'local',
  readMode: async () => ({
    mode: 'single',
    data: {
      EVENT_STREAM_MODE: 'single',
      NATS_URL: 'nats://user:swordfish@nats:4222',
      OURA_CLIENT_SECRET: 'swordfish',
      INGEST_TOKEN: 'swordfish',
    },
  }),
};
const contextOf = () => ({ account: run.account, topology: seedTopology, platform });
const read = <T>(...path: string[]): T => JSON.parse(readFileSync(join(...path), 'utf8')) as T;

test('configuration and state of every stream and consumer, and the ConfigMap without its secrets', async () => {
  const backup = await writeBackup(contextOf(), dir);
  expect(backup.dir).toMatch(/backup-\d{8}T\d{6}Z(-\d+)?$/);
  expect(backup.files.every((file) => statSync(join(backup.dir, file)).size > 0)).toBe(true);
  expect(backup.files).toEqual(
    expect.arrayContaining([
      'index.json',
      'configmap.json',
      'streams/ATHLETE_ALLY_EVENTS.json',
      'streams/AA_DLQ.json',
    ]),
  );

  const events = read<{ stream: unknown; consumers: unknown[] }>(
    backup.dir,
    'streams/ATHLETE_ALLY_EVENTS.json',
  );
  const live = (await run.account.stream('ATHLETE_ALLY_EVENTS'))!;
  expect(events.stream).toMatchObject({ state: live.state, created: live.created });
  const { metadata: _server, ...config } = live.config; // info adds what runs it to the list's
  expect(events.stream).toMatchObject({ config });
  expect(events.consumers).toMatchObject([
    {
      name: 'normalize-hrv-durable',
      num_pending: 7,
      config: { ack_wait: seedTopology.consumers['normalize-hrv-durable']!.ack_wait, max_deliver: 5 },
    },
  ]);
  expect(read(backup.dir, 'index.json')).toMatchObject({
    schemaVersion: 1,
    topology: 'seed',
    environment: 'test',
    mode: 'single',
    server: { version: run.account.server.version },
    streams: expect.arrayContaining([
      expect.objectContaining({ name: 'ATHLETE_ALLY_EVENTS', messages: 7, lastSequence: 7 }),
    ]) as unknown,
  });
  expect(read(backup.dir, 'configmap.json')).toEqual({
    EVENT_STREAM_MODE: 'single',
    NATS_URL: 'nats://***@nats:4222',
    OURA_CLIENT_SECRET: '(hidden)',
    INGEST_TOKEN: '(hidden)',
  });
  const everything = backup.files.map((file) => readFileSync(join(backup.dir, file), 'utf8')).join('');
  expect(everything).not.toContain('swordfish');
});

test('only its owner can read it', async () => {
  const backup = await writeBackup(contextOf(), dir);
  const modeOf = (path: string): number => statSync(path).mode & 0o777;
  expect([backup.dir, join(backup.dir, 'streams')].map(modeOf)).toEqual([0o700, 0o700]);
  expect(new Set(backup.files.map((file) => modeOf(join(backup.dir, file))))).toEqual(new Set([0o600]));
});

test('two at once get folders of their own, and no half of one is left', async () => {
  const before = readdirSync(dir).length;
  const [a, b] = [await writeBackup(contextOf(), dir), await writeBackup(contextOf(), dir)];
  expect(a.dir).not.toBe(b.dir);
  expect(readdirSync(dir)).toHaveLength(before + 2);

  const file = join(dir, 'no-folder');
  writeFileSync(file, '');
  await expect(writeBackup(contextOf(), file)).rejects.toThrow('ENOTDIR');
  expect(readdirSync(dir).filter((name) => name.endsWith('.tmp'))).toEqual([]);
});

test('without a platform there is no ConfigMap in it', async () => {
  const { files } = await writeBackup({ ...contextOf(), platform: nonePlatform }, dir);
  expect(files).not.toContain('configmap.json');
});
