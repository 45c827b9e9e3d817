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
const cwd = mkdtempSync(join(tmpdir(), 'aa-interest-'));

const TEXT = `
version: 1
name: interest
streams: { ${STREAM}: { duplicateWindow: 2m, FIELDS } }
consumers:
  ${DURABLE}: { filterSubjects: [${HRV}], ackPolicy: explicit, deliverPolicy: all, ackWait: 4s, maxDeliver: 5 }
  idle: { filterSubjects: ['sleep.*', vendor.oura.>], ackPolicy: explicit, deliverPolicy: all }
modes:
  single:
    subjects: { ${STREAM}: [${HRV}, 'sleep.*', vendor.oura.>] }
    consumers: { ${DURABLE}: { stream: ${STREAM} }, idle: { stream: ${STREAM} } }
environments: { test: { servers: [nats://127.0.0.1:4222], platform: none, initialMode: single, replicas: REPLICAS } }
`;
type Fields = { storage: 'file' | 'memory'; retention: 'interest' | 'limits' | 'workqueue' };

/** One stream; `idle` wants what nobody works, so that each message of it can be counted. */
function fileOf({ storage, retention }: Fields, replicas: number): string {
  const path = join(cwd, `${storage}-${retention}-${replicas}.yaml`);
  const fields = `storage: ${storage}, retention: ${retention}`;
  writeFileSync(path, TEXT.replace('FIELDS', fields).replace('REPLICAS', `${replicas}`));
  return path;
}

const INTEREST: Fields = { storage: 'file', retention: 'interest' };
const IN_MEMORY: Fields = { ...INTEREST, storage: 'memory' };
/** By replicas: each from the one before it, the first from INTEREST. */
const WAYS: Record<1 | 3, Fields[]> = {
  1: [IN_MEMORY, { storage: 'file', retention: 'workqueue' }, IN_MEMORY, INTEREST],
  3: [
    { storage: 'memory', retention: 'limits' },
    INTEREST,
    { storage: 'memory', retention: 'workqueue' },
    INTEREST,
  ],
};

const REPLACE = ['apply', '--replace', '--allow-destructive'];

/** All of them, or one in each step. */
const ENTRIES = process.env['AA_TEST_LONG'] ? Array.from({ length: 60 }, (_, n) => n + 1) : [9, 17, 26];

describe.each([1, 3] as const)('a stream of interest with %i replicas', (replicas) => {
  let live: LiveAccount;

  beforeAll(async () => {
    live = await startLiveAccount({
      file: fileOf(INTEREST, replicas),
      subjects,
      durable: DURABLE,
      cwd,
      servers: replicas,
    });
    await untilAcked(live.traffic, 500);
  });
  afterAll(() => live?.stop());

  async function expectDone(fields: Fields): Promise<void> {
    const plan = await live.run(fileOf(fields, replicas), ['plan']);
    expect(plan.code, plan.stdout).toBe(0);
    expect((await live.account.stream(STREAM))!.config).toMatchObject(fields);
    expect(await live.account.stream(standInOf(STREAM))).toBeUndefined();
    expect(await tracesOf(live.account, live.topology)).toEqual([]);
    // Its durable goes on.
    const acksOf = async () => (await live.account.consumer(STREAM, DURABLE))!.ack_floor.consumer_seq;
    const goal = (await acksOf()) + 50;
    await expect.poll(acksOf, { timeout: 30_000 }).toBeGreaterThan(goal);
  }

  it('is made anew as one of its kind, with nothing deleted', { timeout: 120_000 }, async () => {
    for (const fields of [IN_MEMORY, INTEREST]) {
      const done = await live.run(fileOf(fields, replicas), ['apply', '--replace']);
      expect(done.code, done.stdout + done.stderr).toBe(0);
      expect(done.json<{ replaced: object[] }>().replaced).toEqual([
        expect.objectContaining({ command: 'replace', result: 'done', shortcomings: [] }),
      ]);
      await expectDone(fields);
    }
  });

  it('is what it was when the run is taken back', { timeout: 120_000 }, async () => {
    const { created } = (await live.account.stream(STREAM))!;
    const killed = await live.run(fileOf(IN_MEMORY, replicas), REPLACE, 6);
    expect(killed.signal).toBe('SIGKILL');
    const back = await live.run(fileOf(INTEREST, replicas), ['rollback']);
    expect(back.code, back.stdout + back.stderr).toBe(0);
    await expectDone(INTEREST);
    expect((await live.account.stream(STREAM))!.created).toBe(created);
  });

  it(
    'becomes one of another kind and comes from it, although the run is killed behind its journal entries, and another goes on',
    { timeout: ENTRIES.length * 60_000 },
    async () => {
      for (const [n, entry] of ENTRIES.entries()) {
        const fields = WAYS[replicas][n % WAYS[replicas].length]!;
        const killed = await live.run(fileOf(fields, replicas), REPLACE, entry);
        expect(killed.signal === 'SIGKILL' || killed.code === 0, killed.stdout + killed.stderr).toBe(true);
        const ended = await live.run(fileOf(fields, replicas), REPLACE);
        expect(ended.code, `killed behind entry ${entry}: ${ended.stdout}${ended.stderr}`).toBe(0);
        await expectDone(fields);
      }
    },
  );

  it('and no message was lost, doubled or refused, and none skipped', { timeout: 120_000 }, async () => {
    await live.traffic.stop();
    await live.worker.finish();
    const { ledger } = live.traffic;
    const verdict = await judge(live.account, ledger, { streams: [STREAM], dropped: [HRV] });
    const clean = { lost: 0, doubled: 0, refused: 0, unanswered: 0, outOfOrderWaiting: 0, strangers: 0 };
    expect(verdict).toMatchObject({ ...clean, acked: verdict.sent });
    expect(judgeWorked(ledger, live.record, [HRV])).toMatchObject({ skipped: 0, examples: [] });
  });
});

afterAll(() => rmSync(cwd, { recursive: true, force: true }));
