import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { standInOf } from '@aa-ops/topology';
import { judge, judgeWorked } from '../../../cli/src/traffic/index.ts';
import { type LiveAccount, startLiveAccount } from '../../support/liveAccount.ts';
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

let live: LiveAccount;

const REPLACE = ['apply', '--replace', '--allow-destructive'];

const acked = (count: number): Promise<void> => untilAcked(live.traffic, count);

async function expectDone(file: string, retention: string): Promise<void> {
  const plan = await live.run(file, ['plan']);
  expect(plan.code, plan.stdout).toBe(0);
  expect((await live.account.stream(STREAM))!.config.retention).toBe(retention);
  expect(await live.account.stream(standInOf(STREAM))).toBeUndefined();
  expect(await tracesOf(live.account, live.topology)).toEqual([]);
  // Its durable goes on.
  const acksOf = async () => (await live.account.consumer(STREAM, DURABLE))!.ack_floor.consumer_seq;
  const goal = (await acksOf()) + 50;
  await expect.poll(acksOf, { timeout: 30_000 }).toBeGreaterThan(goal);
}

beforeAll(async () => {
  live = await startLiveAccount({ file: LIMITS, subjects, durable: DURABLE, cwd });
  await acked(500);
});
afterAll(async () => {
  await live?.stop();
  rmSync(cwd, { recursive: true, force: true });
});

/** All of them, or one in each step. */
const ENTRIES = process.env['AA_TEST_LONG'] ? Array.from({ length: 60 }, (_, n) => n + 1) : [3, 8, 14, 22];

describe('a stream that becomes a work queue, and one no more', { timeout: 120_000 }, () => {
  it('is refused while what was worked may not go, and planned with its number', async () => {
    const plan = await live.run(QUEUE, ['plan']);
    const [change] = plan.json<{ changes: { name: string; messagesDeleted: number }[] }>().changes;
    expect(change).toMatchObject({ name: STREAM, action: 'replace', class: 'handover' });
    expect(change!.messagesDeleted).toBeGreaterThan(0);
    const refused = await live.run(QUEUE, ['apply', '--replace']);
    expect(refused.code).toBe(3);
    expect(refused.stdout + refused.stderr).toContain('--allow-destructive');
  });

  it('is made anew under live traffic, there and back', async () => {
    const there = await live.run(QUEUE, REPLACE);
    expect(there.code, there.stdout + there.stderr).toBe(0);
    await expectDone(QUEUE, 'workqueue');
    const back = await live.run(LIMITS, ['apply', '--replace']); // nothing is deleted on the way back
    expect(back.code, back.stdout + back.stderr).toBe(0);
    await expectDone(LIMITS, 'limits');
  });

  it(
    'although the run is killed behind its journal entries, and another goes on',
    { timeout: ENTRIES.length * 60_000 },
    async () => {
      for (const [n, entry] of ENTRIES.entries()) {
        const [file, retention] = n % 2 === 0 ? [QUEUE, 'workqueue'] : [LIMITS, 'limits'];
        const killed = await live.run(file, REPLACE, entry);
        expect(killed.signal === 'SIGKILL' || killed.code === 0, killed.stdout + killed.stderr).toBe(true);
        const ended = await live.run(file, REPLACE);
        expect(ended.code, `killed behind entry ${entry}: ${ended.stdout}${ended.stderr}`).toBe(0);
        await expectDone(file, retention);
      }
    },
  );

  it('and no message was lost, doubled or refused, and none skipped', async () => {
    await live.traffic.stop();
    await live.worker.finish();
    const { ledger } = live.traffic;
    const verdict = await judge(live.account, ledger, { streams: [STREAM], dropped: [HRV] });
    const clean = { lost: 0, doubled: 0, refused: 0, unanswered: 0, outOfOrderWaiting: 0, strangers: 0 };
    expect(verdict).toMatchObject({ ...clean, acked: verdict.sent });
    expect(judgeWorked(ledger, live.record, [HRV])).toMatchObject({ skipped: 0, examples: [] });
  });
});
