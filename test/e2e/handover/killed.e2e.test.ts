import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  epochOfSource,
  loadTopology,
  type JetStreamWriter,
  openWriter,
  type Topology,
} from '@aa-ops/topology';
import {
  judge,
  judgeWorked,
  startTraffic,
  type Traffic,
  WorkRecord,
} from '../../../cli/src/traffic/index.ts';
import { type CarelessWorker, startCarelessWorker } from '../../support/carelessWorker.ts';
import { aaOps, type CliResult } from '../../support/cli.ts';
import { applyTopology } from '../../support/runs.ts';
import { type NatsServer, startNats } from '../../support/servers.ts';

const FILE = fileURLToPath(new URL('../../support/seed-topology.yaml', import.meta.url));
const DURABLE = 'normalize-hrv-durable';
const subjects = ['athlete-ally.hrv.raw-received', 'sleep.scored', 'vendor.oura.webhook'];

let server: NatsServer;
let account: JetStreamWriter;
let topology: Topology;
let traffic: Traffic;
let worker: CarelessWorker;
let record: WorkRecord;
const cwd = mkdtempSync(join(tmpdir(), 'aa-killed-'));

const run = (args: string[], killAfter?: number): Promise<CliResult> =>
  aaOps([...args, '--topology', FILE, '--env', 'test', '--server', server.url, '--yes', '--output', 'json'], {
    cwd,
    env: killAfter === undefined ? {} : { AA_OPS_TEST_KILL_AFTER_ENTRY: String(killAfter) },
  });

beforeAll(async () => {
  server = await startNats();
  topology = await loadTopology(FILE, 'test');
  account = await openWriter({ servers: [server.url] });
  await applyTopology(account, topology);
  traffic = await startTraffic({ servers: [server.url] }, [
    { name: 'ids', kind: 'pipelined', inFlight: 8, msgId: true, ratePerSecond: 150, subjects },
    { name: 'bare', kind: 'pipelined', inFlight: 8, msgId: false, ratePerSecond: 150, subjects },
    { name: 'waiting', kind: 'waiting', msgId: true, ratePerSecond: 50, subjects },
    { name: 'waiting-bare', kind: 'waiting', msgId: false, ratePerSecond: 50, subjects },
  ]);
  record = new WorkRecord(traffic.ledger);
  worker = await startCarelessWorker({ servers: [server.url] }, topology, DURABLE, 'single', record);
});

afterAll(async () => {
  await traffic?.stop();
  await account?.close();
  await server?.stop();
  rmSync(cwd, { recursive: true, force: true });
});

const WAYS = [
  { start: ['migrate', '--to', 'multi'], mode: 'multi' },
  { start: ['rollback'], mode: 'single' },
];

/** The worst first: behind the window's own entries (8, 9) every process is at its most undecided. */
const TURNING_POINTS = process.env['AA_TEST_LONG'] ? [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13] : [2, 8];

describe('kill -9 of the CLI', () => {
  it(
    'right behind each journal entry, forward and back: --resume ends it',
    { timeout: 300_000 },
    async () => {
      const points: Record<string, number> = { multi: 0, single: 0 };
      for (let entry = 1; Math.max(...Object.values(points)) === entry - 1; entry++) {
        for (const { start, mode } of WAYS) {
          const killed = await run(start, entry);
          const died = killed.signal === 'SIGKILL';
          if (died) points[mode] = entry;
          const ended = died ? await run(['migrate', '--resume']) : killed;
          expect(ended, `to ${mode}, killed behind entry ${entry}: ${ended.stderr}`).toMatchObject({
            code: 0,
          });
          expect(ended.json()).toMatchObject({ result: 'done', to: mode });
          worker.follow(mode);
        }
      }
      expect(points['multi']).toBeGreaterThan(12);
      expect(points['single']).toBeGreaterThan(10);
    },
  );

  it('then rollback instead: ends in single, with nothing left behind', { timeout: 240_000 }, async () => {
    for (const entry of TURNING_POINTS) {
      const killed = await run(['migrate', '--to', 'multi'], entry);
      expect(killed.signal, `entry ${entry}`).toBe('SIGKILL');
      const back = await run(['rollback']);
      expect(back, `killed behind entry ${entry}: ${back.stderr}${back.stdout}`).toMatchObject({ code: 0 });
      expect((await run(['status'])).json()).toMatchObject({ mode: 'single', run: null });
    }
  });

  it('leaves 0 acked lost, 0 doubled, 0 refused, 0 skipped, and no trace', async () => {
    await traffic.stop();
    await worker.finish();
    const verdict = await judge(account, traffic.ledger, {
      streams: Object.keys(topology.streams),
      holders: ['ATHLETE_ALLY_EVENTS'],
    });
    expect(verdict, JSON.stringify(verdict.examples)).toMatchObject({
      lost: 0,
      doubled: 0,
      refused: 0,
      outOfOrderWaiting: 0,
      strangers: 0,
    });
    expect(judgeWorked(traffic.ledger, record, [subjects[0]!])).toMatchObject({ skipped: 0, examples: [] });
    for (const stream of Object.keys(topology.streams)) {
      const info = await account.stream(stream);
      expect((info!.config.sources ?? []).filter((s) => epochOfSource(s) !== undefined)).toEqual([]);
    }
  });
});
