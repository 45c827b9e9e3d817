import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type JetStreamWriter, loadTopology, openWriter, standInOf, type Topology } from '@aa-ops/topology';
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
import { tracesOf } from '../../support/traces.ts';
import { untilAcked } from '../../support/untilAcked.ts';

const STREAM = 'ATHLETE_ALLY_EVENTS';
const DURABLE = 'normalize-hrv-durable';
const HRV = 'athlete-ally.hrv.raw-received';
const subjects = [HRV, 'sleep.scored', 'vendor.oura.webhook'];
const cwd = mkdtempSync(join(tmpdir(), 'aa-queue-'));

const TEXT = `
version: 1
name: queue
streams: { ${STREAM}: { storage: file, duplicateWindow: 2m, RETENTION } }
consumers:
  ${DURABLE}: { filterSubjects: [${HRV}], ackPolicy: explicit, deliverPolicy: all, ackWait: 4s, maxDeliver: 5 }
  idle: { filterSubjects: ['sleep.*', vendor.oura.>], ackPolicy: explicit, deliverPolicy: all }
modes:
  single:
    subjects: { ${STREAM}: [${HRV}, 'sleep.*', vendor.oura.>] }
    consumers: { ${DURABLE}: { stream: ${STREAM} }, idle: { stream: ${STREAM} } }
environments: { test: { servers: [nats://127.0.0.1:4222], platform: none, initialMode: single } }
`;
/** One stream, of either retention; `idle` claims what nobody works, so that each message of it can be counted. */
const file = (retention: string): string => {
  const path = join(cwd, `${retention}.yaml`);
  writeFileSync(path, TEXT.replace('RETENTION', `retention: ${retention}`));
  return path;
};
const [LIMITS, QUEUE] = [file('limits'), file('workqueue')];

let server: NatsServer;
let account: JetStreamWriter;
let topology: Topology;
let traffic: Traffic;
let worker: CarelessWorker;
let record: WorkRecord;

const run = (file: string, args: string[], killAfter?: number): Promise<CliResult> =>
  aaOps([...args, '--topology', file, '--env', 'test', '--server', server.url, '--yes', '--output', 'json'], {
    cwd,
    env: killAfter === undefined ? {} : { AA_OPS_TEST_KILL_AFTER_ENTRY: String(killAfter) },
  });
const REPLACE = ['apply', '--replace', '--allow-destructive'];

const acked = (count: number): Promise<void> => untilAcked(traffic, count);

async function expectDone(file: string, retention: string): Promise<void> {
  const plan = await run(file, ['plan']);
  expect(plan.code, plan.stdout).toBe(0);
  expect((await account.stream(STREAM))!.config.retention).toBe(retention);
  expect(await account.stream(standInOf(STREAM))).toBeUndefined();
  expect(await tracesOf(account, topology)).toEqual([]);
  // Its durable goes on.
  const acksOf = async () => (await account.consumer(STREAM, DURABLE))!.ack_floor.consumer_seq;
  const goal = (await acksOf()) + 50;
  await expect.poll(acksOf, { timeout: 30_000 }).toBeGreaterThan(goal);
}

beforeAll(async () => {
  server = await startNats();
  topology = await loadTopology(LIMITS, 'test');
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
  await acked(500);
});
afterAll(async () => {
  await traffic?.stop();
  await account?.close();
  await server?.stop();
  rmSync(cwd, { recursive: true, force: true });
});

/** All of them, or one in each step. */
const ENTRIES = process.env['AA_TEST_LONG'] ? Array.from({ length: 60 }, (_, n) => n + 1) : [3, 8, 14, 22];

describe('a stream that becomes a work queue, and one no more', { timeout: 120_000 }, () => {
  it('is refused while what was worked may not go, and planned with its number', async () => {
    const plan = await run(QUEUE, ['plan']);
    const [change] = plan.json<{ changes: { name: string; messagesDeleted: number }[] }>().changes;
    expect(change).toMatchObject({ name: STREAM, action: 'replace', class: 'handover' });
    expect(change!.messagesDeleted).toBeGreaterThan(0);
    const refused = await run(QUEUE, ['apply', '--replace']);
    expect(refused.code).toBe(3);
    expect(refused.stdout + refused.stderr).toContain('--allow-destructive');
  });

  it('is made anew under live traffic, there and back', async () => {
    const there = await run(QUEUE, REPLACE);
    expect(there.code, there.stdout + there.stderr).toBe(0);
    await expectDone(QUEUE, 'workqueue');
    const back = await run(LIMITS, ['apply', '--replace']); // nothing is deleted on the way back
    expect(back.code, back.stdout + back.stderr).toBe(0);
    await expectDone(LIMITS, 'limits');
  });

  it(
    'although the run is killed behind its journal entries, and another goes on',
    { timeout: ENTRIES.length * 60_000 },
    async () => {
      for (const [n, entry] of ENTRIES.entries()) {
        const [file, retention] = n % 2 === 0 ? [QUEUE, 'workqueue'] : [LIMITS, 'limits'];
        const killed = await run(file, REPLACE, entry);
        expect(killed.signal === 'SIGKILL' || killed.code === 0, killed.stdout + killed.stderr).toBe(true);
        const ended = await run(file, REPLACE);
        expect(ended.code, `killed behind entry ${entry}: ${ended.stdout}${ended.stderr}`).toBe(0);
        await expectDone(file, retention);
      }
    },
  );

  it('and no message was lost, doubled or refused, and none skipped', async () => {
    await traffic.stop();
    await worker.finish();
    const { ledger } = traffic;
    const verdict = await judge(account, ledger, { streams: [STREAM], dropped: [HRV] });
    const clean = { lost: 0, doubled: 0, refused: 0, unanswered: 0, outOfOrderWaiting: 0, strangers: 0 };
    expect(verdict).toMatchObject({ ...clean, acked: verdict.sent });
    expect(judgeWorked(ledger, record, [HRV])).toMatchObject({ skipped: 0, examples: [] });
  });
});
