import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type JetStreamWriter, loadTopology, openWriter, realSubjects } from '@aa-ops/topology';
import { judge, startTraffic, type Traffic } from '../../../cli/src/traffic/index.ts';
import type { CliResult } from '../../support/cli.ts';
import { INTEREST, QUEUE, SEED } from '../../support/crash/crashLane.ts';
import { commandOn } from '../../support/liveAccount.ts';
import { applyTopology } from '../../support/runs.ts';
import { type NatsServer, startNats } from '../../support/servers.ts';
import { untilAcked } from '../../support/untilAcked.ts';

// `apply` where a stream is to hear what it owns by other filters: a server that replaces one by another in one update stores publishes
// without an id twice (docs/adr/0020). The counter-proof is test/unit/handover/windowSpec.unit.test.ts; nobody works the durables here, so
// that everything stays, and is counted.
const STREAM = 'ATHLETE_ALLY_EVENTS';
const FILTERS = {
  before: ['athlete-ally.>', 'vendor.oura.>', 'sleep.*'],
  after: ['athlete-ally.*', 'athlete-ally.*.>', 'vendor.>', 'sleep.>'],
};
const BEFORE = `${STREAM}: [athlete-ally.>, vendor.oura.>, 'sleep.*']`;
const ROUNDS = 4;
interface Windows {
  windows: {
    command: string;
    result: string;
    handovers: object[];
    filters: { stream: string; subjects: string[] }[];
  };
}

describe.each([
  ['limits', SEED],
  ['interest', INTEREST],
  ['workqueue', QUEUE],
])('a stream with retention %s', (retention, { file, subjects }) => {
  const cwd = mkdtempSync(join(tmpdir(), 'aa-filters-'));
  const files = { before: file, after: join(cwd, basename(file)) };
  let server: NatsServer;
  let account: JetStreamWriter;
  let traffic: Traffic;
  let hears: keyof typeof FILTERS = 'before';
  beforeAll(async () => {
    const text = readFileSync(file, 'utf8');
    if (!text.includes(BEFORE)) throw new Error(`${file} has other subjects`);
    writeFileSync(files.after, text.replace(BEFORE, `${STREAM}: ['${FILTERS.after.join("', '")}']`));
    server = await startNats();
    account = await openWriter({ servers: [server.url] });
    await applyTopology(account, await loadTopology(file, 'test'));
    const publisher = { ratePerSecond: 150, subjects: [...subjects] };
    traffic = await startTraffic({ servers: [server.url] }, [
      { ...publisher, name: 'ids', kind: 'pipelined', inFlight: 8, msgId: true },
      { ...publisher, name: 'bare', kind: 'pipelined', inFlight: 8, msgId: false },
      { ...publisher, name: 'waiting-bare', kind: 'waiting', msgId: false },
    ]);
    await acked(200);
  });
  afterAll(async () => {
    await traffic?.stop();
    await account?.close();
    await server?.stop();
    rmSync(cwd, { recursive: true, force: true });
  });

  const acked = (count: number): Promise<void> => untilAcked(traffic, count);
  const other = (): keyof typeof FILTERS => (hears === 'before' ? 'after' : 'before');
  const run = (which: keyof typeof FILTERS, args: string[], killAfter?: number): Promise<CliResult> =>
    commandOn(server.url, cwd)(files[which], args, killAfter);

  /** The stream hears that, nothing else differs from the file, and nothing of ours is left. */
  async function expectHeard(which: keyof typeof FILTERS): Promise<void> {
    const { config } = (await account.stream(STREAM))!;
    expect(config).toMatchObject({ retention, subjects: expect.arrayContaining(FILTERS[which]) });
    expect(realSubjects(config.subjects)).toHaveLength(config.subjects!.length);
    expect((await account.listConsumers(STREAM)).filter(({ paused }) => paused)).toEqual([]);
    const plan = await run(which, ['plan']);
    expect(plan.code, plan.stdout + plan.stderr).toBe(0);
    hears = which;
  }

  it('hears by other filters after a window, and the plan says so before', { timeout: 120_000 }, async () => {
    const plan = await run('after', ['plan']);
    expect(plan.json<{ changes: object[] }>().changes).toContainEqual(
      expect.objectContaining({
        name: STREAM,
        action: 'update',
        class: 'safe',
        reason: expect.stringContaining('window') as string,
      }),
    );
    for (let round = 0; round < ROUNDS; round++) {
      const applied = await run(other(), round % 2 === 0 ? ['apply'] : ['streams', 'apply']);
      expect(applied.code, applied.stdout + applied.stderr).toBe(0);
      const { windows } = applied.json<Windows>();
      expect(windows).toMatchObject({ command: 'apply', result: 'done' });
      expect(windows).toMatchObject({ handovers: [], filters: [{ stream: STREAM }] });
      expect([...windows.filters[0]!.subjects].sort()).toEqual([
        'athlete-ally.*',
        'athlete-ally.*.>',
        'sleep.*',
        'vendor.oura.>',
      ]);
      await expectHeard(other());
      await acked(50);
    }
  });

  it(
    'rollback undoes it as long as nothing was released, and refuses behind that',
    { timeout: 120_000 },
    async () => {
      const [now, next] = [hears, other()];
      expect((await run(next, ['apply'], 1)).signal).toBe('SIGKILL');
      const locked = await run(next, ['consumers', 'apply']);
      expect(locked.code, locked.stdout).toBe(6);
      const back = await run(next, ['rollback']);
      expect(back.code, back.stdout + back.stderr).toBe(0);
      await expectHeard(now);

      let entry = 2;
      for (; ; entry++) {
        expect((await run(next, ['apply'], entry)).signal).toBe('SIGKILL');
        const { code, stdout, stderr } = await run(next, ['rollback']);
        if (code === 0) continue;
        expect(code, stdout + stderr).toBe(3);
        expect(stdout).toContain('filters-changed');
        break;
      }
      const ended = await run(next, ['apply']);
      expect(ended.code, ended.stdout + ended.stderr).toBe(0);
      await expectHeard(next);
    },
  );

  it('no message was lost, doubled or refused', { timeout: 120_000 }, async () => {
    await traffic.stop();
    const verdict = await judge(account, traffic.ledger, { streams: [STREAM], holders: [STREAM] });
    const clean = { lost: 0, doubled: 0, refused: 0, unanswered: 0, outOfOrderWaiting: 0, strangers: 0 };
    expect(verdict).toMatchObject({ ...clean, acked: verdict.sent });
  });
});
