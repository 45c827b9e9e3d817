import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type JetStreamWriter,
  loadTopology,
  openWriter,
  publishMessage,
  silentHost,
  type Topology,
} from '@aa-ops/topology';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  bindingChecks,
  type CheckContext,
  type CheckResult,
  type Level,
  ownershipChecks,
  preflightChecks,
  rollbackChecks,
  runChecks,
  takeBaseline,
  verifyChecks,
} from '../../../cli/src/checks/index.ts';
import { runE2e } from '../../../cli/src/checks/runE2e.ts';
import {
  type LocalPlatformHandle,
  readState,
  startLocalPlatform,
  takeDown,
} from '../../../cli/src/platform/local/index.ts';
import type { Platform } from '../../../cli/src/platform/platform.ts';
import { aaOps, type CliResult } from '../../support/cli.ts';
import { applyTopology } from '../../support/runs.ts';
import { makeTempDir } from '../../support/servers.ts';

const FILE = join(import.meta.dirname, '../../../topology/athlete-ally.yaml');
const dir = makeTempDir('checks');
const cwd = mkdtempSync(join(tmpdir(), 'aa-checks-'));
let local: LocalPlatformHandle;
let topology: Topology;
let account: JetStreamWriter;

beforeAll(async () => {
  chmodSync(dir, 0o711); // as root, PostgreSQL runs as another account and has to pass
  topology = await loadTopology(FILE, 'local');
  local = await startLocalPlatform({
    dir,
    workloads: topology.workloads,
    ports: { nats: 'any', postgres: 'any', frontDoor: 'any' },
    async onReady({ natsUrl }) {
      const writer = await openWriter({ servers: [natsUrl] });
      await applyTopology(writer, topology);
      await writer.close();
    },
  });
  account = await openWriter({ servers: [local.natsUrl] });
});
afterAll(async () => {
  await account?.close();
  await takeDown(dir, { deleteData: true });
  rmSync(cwd, { recursive: true, force: true });
});

const contextOf = (mode: string, changes: Partial<CheckContext> = {}): CheckContext => ({
  topology,
  account,
  platform: local.platform,
  host: silentHost,
  signal: new AbortController().signal,
  mode,
  ownedIn: mode,
  timeoutMs: 2_000,
  ...changes,
});
const publish = (subject: string) =>
  publishMessage(account.connection, subject, new Uint8Array(), { headers: [], timeoutMs: 5_000 });
const withPlatform = (changes: Partial<Platform>): Platform => ({ ...local.platform, ...changes });
const idsOf = (results: readonly CheckResult[], level: Level): string[] =>
  results.filter((result) => result.level === level).map(({ id }) => id);
const evidenceOf = (results: readonly CheckResult[], id: string): string =>
  results.find((result) => result.id === id)!.evidence;
const cli = (...args: string[]): Promise<CliResult> =>
  aaOps([...args, '--topology', FILE, '--env', 'local', '--output', 'json'], {
    cwd,
    env: { AA_OPS_DEV_DIR: dir, NATS_URL: '' },
  });

interface Report {
  schemaVersion: number;
  overall: Level;
  checks: (CheckResult & { next: string | null })[];
}

/** What only a cluster has: rights, and rollouts that somebody else may have begun. */
const ONLY_KUBERNETES = ['platform-rights', 'workloads'];

describe('a system that is in order', () => {
  test('every list is green, and every check says what it saw', async () => {
    for (const list of [preflightChecks, bindingChecks, ownershipChecks, rollbackChecks, verifyChecks]) {
      const results = await runChecks(list, contextOf('single'));
      expect(results.filter(({ level }) => level !== 'green')).toEqual([]);
      const silent = results.filter(({ evidence }) => evidence === '' || evidence.startsWith('skipped'));
      expect(silent.map(({ id }) => id).filter((id) => !ONLY_KUBERNETES.includes(id))).toEqual([]);
    }
  });

  test('one event becomes a row, and the pods count it on the stream of the mode', async () => {
    const results = await runChecks(verifyChecks, contextOf('single'));
    expect(evidenceOf(results, 'e2e')).toMatch(
      /^local-e2e-test: received in .+, a row in .+, rmssd [\d.]+, ln [\d.]+$/,
    );
    expect(evidenceOf(results, 'metrics-stream')).toMatch(/stream="ATHLETE_ALLY_EVENTS"} \d+, \+1$/);
    expect(evidenceOf(results, 'metrics-published')).toMatch(/\+1$/);
    expect(evidenceOf(results, 'stream-counts')).toContain('AA_CORE_HOT idle at 0');
  });

  test('a test user whose last event came from a clock that is ahead can be used all the same', async () => {
    const [frontDoor, databaseUrl] = [local.frontDoor, local.databaseUrl];
    const ahead = new Date(Date.now() + 3_600_000);
    const event = {
      userId: 'clock-ahead',
      date: new Date().toISOString().slice(0, 10),
      rmssd: 50,
      capturedAt: ahead,
    };
    const body = JSON.stringify(event);
    const answer = await fetch(`${frontDoor}/ingest/hrv`, { method: 'POST', body });
    expect(answer.status).toBe(200);
    const request = { frontDoor, databaseUrl, userId: 'clock-ahead', timeoutMs: 5_000 };
    const signal = new AbortController().signal;
    // The first event may still be on its way when the second is stamped; then the third comes behind both.
    await runE2e({ ...request, signal });
    const result = await runE2e({ ...request, signal });
    expect(result.problem).toBeUndefined();
    expect(result.lnRmssd).toBeCloseTo(Math.log(result.rmssd), 9);
  });

  test('the commands print the contract and end with 0', async () => {
    for (const command of ['verify', 'preflight']) {
      const { code, json } = await cli(command);
      const report = json<Report>();
      expect({ code, overall: report.overall, schemaVersion: report.schemaVersion }).toEqual({
        code: 0,
        overall: 'green',
        schemaVersion: 1,
      });
      for (const check of report.checks) {
        const more = check.evidence.startsWith('skipped: ') ? ['skipped'] : [];
        expect(Object.keys(check).sort()).toEqual(['evidence', 'id', 'level', 'next', ...more, 'title']);
      }
    }
  });

  test('without a test event nothing is sent', async () => {
    const before = (await account.stream('ATHLETE_ALLY_EVENTS'))!.state.last_seq;
    const { code, json } = await cli('verify', '--no-event');
    const { checks } = json<Report>();
    expect({ code, evidence: evidenceOf(checks as CheckResult[], 'e2e') }).toEqual({
      code: 0,
      evidence: 'skipped: no test event is wanted',
    });
    expect((await account.stream('ATHLETE_ALLY_EVENTS'))!.state.last_seq).toBe(before);
  });
});

describe('what is not in order comes out', () => {
  test('everything that has a mode is red when another mode is expected, and the command ends with 5', async () => {
    const { code, json } = await cli('verify', '--expect-mode', 'multi', '--wait', '500ms');
    const { overall, checks } = json<Report>();
    expect({ code, overall }).toEqual({ code: 5, overall: 'red' });
    expect(idsOf(checks as CheckResult[], 'red')).toEqual([
      'mode',
      'streams',
      'consumers',
      'config-map',
      'log-mode',
      'log-candidates',
      'metrics-stream',
      'stream-counts',
    ]);
    expect(idsOf(checks as CheckResult[], 'yellow')).toEqual(['log-binding']);
    expect(checks.every(({ level, next }) => level === 'green' || next !== null)).toBe(true);
  });

  test('an unknown mode is a usage error', async () => {
    const { code, json } = await cli('verify', '--expect-mode', 'double');
    expect({ code, ...json() }).toMatchObject({ code: 64, error: { code: 'mode-unknown' } });
  });

  test('pods that may manage streams', async () => {
    await local.platform.writeConfig({ FEATURE_SERVICE_MANAGES_STREAMS: 'true' });
    const results = await runChecks(preflightChecks, contextOf('single'));
    await local.platform.writeConfig({ FEATURE_SERVICE_MANAGES_STREAMS: 'false' });
    expect(idsOf(results, 'red')).toEqual(['config-map']);
  });

  test('a database and a front door that are away', async () => {
    const nowhere = 'postgresql://aa:secret@127.0.0.1:1/none';
    const away = withPlatform({
      databaseUrl: async () => nowhere,
      frontDoor: async () => 'http://127.0.0.1:1',
    });
    const results = await runChecks(verifyChecks, contextOf('single', { platform: away }));
    expect(idsOf(results, 'red')).toEqual(
      expect.arrayContaining(['e2e', 'database', 'database-writes']) as string[],
    );
    expect(evidenceOf(results, 'database')).toContain('no PostgreSQL at 127.0.0.1:1');
    expect(JSON.stringify(results)).not.toContain('secret');

    const doorAway = withPlatform({ frontDoor: async () => 'http://127.0.0.1:1' });
    const others = await runChecks(verifyChecks, contextOf('single', { platform: doorAway }));
    expect(idsOf(others, 'red')).toEqual(['e2e']);
    expect(evidenceOf(others, 'e2e')).toContain('the front door does not answer');
  });

  test('a row that does not come', async () => {
    const { default: pg } = await import('pg');
    const client = new pg.Client({ connectionString: local.databaseUrl });
    await client.connect();
    await client.query('CREATE DATABASE elsewhere'); // the pods write to another one
    await client.end();
    const url = new URL(local.databaseUrl);
    url.pathname = '/elsewhere';
    const platform = withPlatform({ databaseUrl: async () => url.href });
    const results = await runChecks(verifyChecks, contextOf('single', { platform, timeoutMs: 300 }));
    expect(idsOf(results, 'red')).toEqual(['e2e', 'database', 'database-writes']);
    expect(evidenceOf(results, 'e2e')).toMatch(/^received, but no row of local-e2e-test within \d+ ms$/);
    expect(evidenceOf(results, 'database')).toContain('no table hrv_data');
  });

  test('dead letters above what they were, and above what is bearable', async () => {
    const baseline = await takeBaseline({ account, topology });
    const look = () => runChecks(rollbackChecks, contextOf('single', { baseline }));
    for (let n = 0; n < 3; n++) await publish(`dlq.test.${n}`);
    const some = await look();
    expect(idsOf(some, 'yellow')).toEqual(['dead-letters']);
    expect(evidenceOf(some, 'dead-letters')).toMatch(/^3 dead letters, 0 at .+, 3 in the last minute$/);
    for (let n = 0; n < 8; n++) await publish(`dlq.test.${n}`);
    const many = await look();
    expect(idsOf(many, 'red')).toEqual(['dead-letters']);
    expect(evidenceOf(many, 'dead-letters')).toContain('more than 10 in the last minute');
    await account.api('STREAM.PURGE.AA_DLQ');
  });
});

describe('around a migration', () => {
  test('the steps of migrate run the checks', async () => {
    const migrated = await cli('migrate', '--to', 'multi', '--yes');
    expect({ code: migrated.code, stderr: migrated.code === 0 ? '' : migrated.stderr }).toEqual({
      code: 0,
      stderr: '',
    });
    const steps = migrated.json<{ steps: { id: string; note: string }[] }>().steps;
    const noteOf = (id: string): string => steps.find((step) => step.id === id)!.note;
    for (const [id, list] of [
      ['preflight', preflightChecks],
      ['checks', bindingChecks],
      ['verify', ownershipChecks],
    ] as const) {
      expect(noteOf(id)).toContain(`${list.length} of ${list.length} checks passed`);
    }
    const [backup] = readdirSync(join(cwd, '.aa-ops/runs')).map((run) =>
      readdirSync(join(cwd, '.aa-ops/runs', run)),
    );
    expect(backup).toEqual(
      expect.arrayContaining([expect.stringMatching(/^backup-\d{8}T\d{6}Z$/)]) as string[],
    );

    const results = await runChecks(verifyChecks, contextOf('multi'));
    expect(idsOf(results, 'red')).toEqual([]);
    expect(evidenceOf(results, 'log-candidates')).toBe(
      'candidates AA_CORE_HOT, ATHLETE_ALLY_EVENTS (2 pods)',
    );
    expect(evidenceOf(results, 'log-binding')).toBe('normalize-hrv-durable on AA_CORE_HOT (2 pods)');
    expect(evidenceOf(results, 'metrics-stream')).toMatch(/stream="AA_CORE_HOT"} \d+, \+1$/);
    expect(evidenceOf(results, 'stream-counts')).toMatch(
      /^AA_CORE_HOT last sequence \d+, \+1; ATHLETE_ALLY_EVENTS idle at \d+$/,
    );
  });

  test('a message that somebody gives a stream that owns nothing is noticed', async () => {
    const stop = new AbortController();
    const publishing = (async () => {
      while (!stop.signal.aborted) await publish('_aa-ops.closed.ATHLETE_ALLY_EVENTS');
    })();
    const results = await runChecks(ownershipChecks, contextOf('multi'));
    stop.abort();
    await publishing;
    expect(idsOf(results, 'red')).toEqual(['stream-counts']);
    expect(evidenceOf(results, 'stream-counts')).toMatch(
      /^ATHLETE_ALLY_EVENTS owns nothing and grew by \d+$/,
    );
  });

  test('pods that lost their durable fell back: yellow, and red before a handover', async () => {
    await account.deleteConsumer('AA_CORE_HOT', 'normalize-hrv-durable');
    const look = (changes: Partial<CheckContext> = {}): Promise<CheckResult[]> =>
      runChecks(verifyChecks, contextOf('multi', { timeoutMs: 500, ...changes }));
    await expect
      .poll(async () => evidenceOf(await look(), 'log-binding'), { timeout: 30_000, interval: 100 })
      .toMatch(/bound on ATHLETE_ALLY_EVENTS, not on AA_CORE_HOT.*; .*bound on ATHLETE_ALLY_EVENTS/);
    const results = await look();
    expect(idsOf(results, 'yellow')).toEqual(
      expect.arrayContaining(['log-binding', 'log-fallback']) as string[],
    );
    expect(idsOf(results, 'red')).toEqual(expect.arrayContaining(['consumers', 'e2e']) as string[]);
    const { next } = results.find(({ id }) => id === 'consumers')!;
    expect(next).toBe('aa-ops rollback, then aa-ops migrate --to multi');
    expect(evidenceOf(results, 'log-fallback')).toContain('tried the next candidate 1 time');
    expect(idsOf(await look({ ownedIn: 'single' }), 'red')).toContain('log-binding');
    const old = { ...topology, thresholds: { ...topology.thresholds, fallbackMs: 1 } };
    expect(idsOf(await look({ topology: old }), 'red')).toContain('log-binding');
  });

  test('rollback leads out of it, and its own checks see that all is well again', async () => {
    const { code, json, stderr } = await cli('rollback', '--yes');
    const { steps, shortcomings } = json<{ steps: { id: string; note: string }[]; shortcomings: string[] }>();
    expect({ code, shortcomings }, stderr).toEqual({ code: 0, shortcomings: [] });
    const note = steps.find(({ id }) => id === 'verify')!.note;
    expect(note).toContain(`${rollbackChecks.length} of ${rollbackChecks.length} checks passed`);
    const results = await runChecks(verifyChecks, contextOf('single'));
    expect(idsOf(results, 'red')).toEqual([]);
    expect(evidenceOf(results, 'log-candidates')).toBe('candidates ATHLETE_ALLY_EVENTS (2 pods)');
    expect(evidenceOf(results, 'log-binding')).toBe('normalize-hrv-durable on ATHLETE_ALLY_EVENTS (2 pods)');
  });

  test('a pod that started by itself in the mode that is given up goes back with it; nobody else is restarted', async () => {
    const paused = await cli('migrate', '--to', 'multi', '--yes', '--pause-before', 'restart-consumers');
    expect(paused, paused.stderr).toMatchObject({ code: 4 });
    const [normalize, ingest] = ['consumer', 'producer'].map((role) =>
      topology.workloads.find((workload) => workload.role === role)!,
    );
    const [pod] = await local.platform.pods(normalize!);
    const others = await local.platform.pods(ingest!);
    const mark = readState(dir)!.pods.find(({ name }) => name === pod!.name)!;
    process.kill(mark.process!.pid, 'SIGKILL');
    const modes = async (): Promise<unknown> =>
      (await local.platform.pods(normalize!)).map(({ ready, mode }) => ready && mode).sort();
    await expect.poll(modes, { timeout: 30_000, interval: 50 }).toEqual(['multi', 'single']);

    const back = await cli('rollback', '--yes');
    expect(back, back.stderr).toMatchObject({ code: 0 });
    expect(await modes()).toEqual(['single', 'single']);
    expect((await local.platform.pods(ingest!)).map(({ startedAt }) => startedAt)).toEqual(
      others.map(({ startedAt }) => startedAt),
    );
  });
});
