import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type JetStreamWriter, loadTopology, openWriter } from '@aa-ops/topology';
import type { RehearsalReport } from '../../../cli/src/rehearse/report.ts';
import { aaOps } from '../../support/cli.ts';
import { applyTopology } from '../../support/runs.ts';
import { type NatsServer, startNats } from '../../support/servers.ts';

const FILE = fileURLToPath(new URL('../../support/seed-topology.yaml', import.meta.url));
const CONFIG = `accounts { A { jetstream: enabled, users: [
  { user: admin, password: pw }
  { user: looker, password: pw, permissions: { subscribe: ["_INBOX.>"], publish: [
    "$JS.API.INFO", "$JS.API.STREAM.LIST", "$JS.API.STREAM.INFO.*", "$JS.API.CONSUMER.LIST.*", "$JS.API.CONSUMER.INFO.*.*",
    "$JS.API.STREAM.MSG.GET.*", "$SYS.REQ.USER.INFO"] } }
] } }`;
const LIVE = 1_500;

let server: NatsServer;
let account: JetStreamWriter;
const tmp = mkdtempSync(join(tmpdir(), 'aa-rehearse-'));

beforeAll(async () => {
  server = await startNats({ config: CONFIG });
  account = await openWriter({ servers: [server.url], user: 'admin', password: 'pw' });
  await applyTopology(account, await loadTopology(FILE, 'test'));
  const subjects = ['athlete-ally.hrv.raw-received', 'vendor.oura.webhook', 'sleep.recorded'];
  for (let n = 0; n < LIVE; n++) account.connection.publish(subjects[n % 3]!, Buffer.alloc(120));
  await account.connection.flush();
});
afterAll(async () => {
  await account?.close();
  await server?.stop();
  rmSync(tmp, { recursive: true, force: true });
});

const rehearse = async (user: string, ...more: string[]) => {
  const url = server.url.replace('nats://', `nats://${user}:pw@`);
  const where = ['--topology', FILE, '--env', 'test', '--server', url, '--output', 'json'];
  const ended = await aaOps(['rehearse', '--to', 'multi', ...where, ...more], {
    cwd: tmp,
    env: { TMPDIR: tmp },
  });
  return { ...ended, report: ended.json<RehearsalReport>() };
};

/** Folders of rehearsals, wherever servers keep their data. */
const folders = (): string[] =>
  ['/dev/shm', tmp]
    .filter(existsSync)
    .flatMap((dir) => readdirSync(dir).filter((name) => name.includes('-rehearse-')));

/** Everything that stands live: configurations, counts, durables and their positions. */
const standing = async (): Promise<unknown> =>
  Promise.all(
    (await account.listStreams()).map(async ({ config, state }) => [
      config,
      state.messages,
      (await account.listConsumers(config.name)).map(({ config: durable, ack_floor, num_pending }) => [
        durable,
        ack_floor.stream_seq,
        num_pending,
      ]),
    ]),
  );

describe('rehearse', () => {
  it('walks there and back on a server of its own, and leaves the live account as it is', async () => {
    const [before, foldersBefore] = [await standing(), folders()];
    const { code, report, stderr } = await rehearse('admin', '--rate', '60', '--rounds', '1');
    expect(report, stderr).toMatchObject({ schemaVersion: 1, from: 'single', to: 'multi', result: 'ready' });
    expect(code).toBe(0);
    expect(report.refusals).toEqual([]);
    const { rehearsal } = report;
    expect(rehearsal).toMatchObject({
      filled: [{ stream: 'ATHLETE_ALLY_EVENTS', messages: LIVE, live: LIVE }],
      durables: ['ATHLETE_ALLY_EVENTS > normalize-hrv-durable'],
      ratePerSecond: 60,
      rounds: 1,
      ledger: { lost: 0, doubled: 0, refused: 0, outOfOrder: { waiting: 0 } },
    });
    expect(rehearsal!.server.rehearsal).toBe(rehearsal!.server.live);
    expect(rehearsal!.windowMs.there).toHaveLength(1);
    expect(rehearsal!.windowMs.expected).toBeGreaterThan(0);
    expect(rehearsal!.rollbackMs).toBeGreaterThan(0);
    // What the durable has not worked, and what lies between.
    expect(rehearsal!.catchUp.messages).toBeGreaterThanOrEqual(LIVE / 3);
    expect(rehearsal!.ledger.acked).toBe(rehearsal!.ledger.sent);
    expect(await standing()).toEqual(before);
    expect(folders()).toEqual(foldersBefore);
  });

  it('needs no more than rights to read, and tells which the real one would miss: exit 3', async () => {
    const { code, report } = await rehearse('looker', '--messages', '100', '--rounds', '1');
    expect(code).toBe(3);
    expect(report.result).toBe('refused');
    expect(new Set(report.refusals.map((one) => one.code))).toEqual(new Set(['right-missing']));
    expect(report.rehearsal).toMatchObject({ filled: [{ messages: 100 }], ledger: { lost: 0, refused: 0 } });
  });

  it('tells everything that would refuse the real one, readers nobody declared and limits', async () => {
    await account.createConsumer('ATHLETE_ALLY_EVENTS', { durable_name: 'stranger', ack_policy: 'explicit' });
    const { config } = (await account.stream('AA_CORE_HOT'))!;
    await account.updateStream({ ...config, max_msgs: 10 });
    const { code, report } = await rehearse('admin', '--rounds', '1');
    expect(code).toBe(3);
    // One reader for each of the streams that its subjects go to.
    expect(new Set(report.refusals.map((one) => one.code))).toEqual(
      new Set(['target-messages', 'undeclared-reader']),
    );
    for (const { hint } of report.refusals) expect(hint).toBeTruthy();
  });

  it('refuses what makes no sense as usage', async () => {
    expect((await rehearse('admin', '--rate', '0')).code).toBe(64);
    expect((await rehearse('admin', '--rounds', '99')).code).toBe(64);
  });
});
