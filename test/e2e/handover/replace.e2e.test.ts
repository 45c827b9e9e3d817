import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { standInOf, trialOf } from '@aa-ops/topology';
import { judge, judgeWorked } from '../../../cli/src/traffic/index.ts';
import { type LiveAccount, startLiveAccount } from '../../support/liveAccount.ts';
import { untilAcked } from '../../support/untilAcked.ts';

const SEED = fileURLToPath(new URL('../../support/seed-topology.yaml', import.meta.url));
const STREAM = 'ATHLETE_ALLY_EVENTS';
const DURABLE = 'normalize-hrv-durable';
const subjects = ['athlete-ally.hrv.raw-received', 'sleep.scored', 'vendor.oura.webhook'];
const cwd = mkdtempSync(join(tmpdir(), 'aa-replace-'));

/** Athlete Ally's topology with other fields, in a file of its own. */
function variant(name: string, ...changes: [from: string, to: string][]): string {
  const text = changes.reduce(
    (all, [from, to]) => {
      expect(all).toContain(from);
      return all.replace(from, to);
    },
    readFileSync(SEED, 'utf8'),
  );
  const file = join(cwd, `${name}.yaml`);
  writeFileSync(file, text);
  return file;
}
const storage = (kind: string): [string, string] => [
  `${STREAM}: { storage: file`,
  `${STREAM}: { storage: ${kind}`,
];
const FILES = { file: SEED, memory: variant('memory', storage('memory')) };

let live: LiveAccount;

async function expectDone(file: string, storedIn: string): Promise<void> {
  const plan = await live.run(file, ['plan']);
  expect(plan.code, plan.stdout).toBe(0);
  expect((await live.account.stream(STREAM))!.config.storage).toBe(storedIn);
  expect(await live.account.stream(standInOf(STREAM))).toBeUndefined();
  expect(await live.account.stream(trialOf(STREAM))).toBeUndefined();
}

const acked = (count: number): Promise<void> => untilAcked(live.traffic, count);

beforeAll(async () => {
  live = await startLiveAccount({ file: SEED, subjects, durable: DURABLE, cwd });
  await acked(500);
});
afterAll(async () => {
  await live?.stop();
  rmSync(cwd, { recursive: true, force: true });
});

describe('a stream whose storage cannot change in place', () => {
  it('is refused without --replace, and planned as made anew with nothing deleted', async () => {
    const plan = await live.run(FILES.memory, ['plan']);
    expect(plan.json<{ changes: object[] }>().changes).toContainEqual(
      expect.objectContaining({ name: STREAM, action: 'replace', class: 'handover', messagesDeleted: 0 }),
    );
    const refused = await live.run(FILES.memory, ['apply']);
    expect(refused.code).toBe(3);
    expect(refused.stdout + refused.stderr).toContain('--replace');
  });

  it('is made anew under live traffic', async () => {
    const applied = await live.run(FILES.memory, ['apply', '--replace']);
    expect(applied.code, applied.stdout + applied.stderr).toBe(0);
    expect(applied.json<{ replaced: object[] }>().replaced).toEqual([
      expect.objectContaining({ command: 'replace', result: 'done', shortcomings: [] }),
    ]);
    await expectDone(FILES.memory, 'memory');
    await acked(50);
  });

  it(
    'rollback undoes one that has handed nothing over, and refuses where it has',
    { timeout: 120_000 },
    async () => {
      const { storage: now } = (await live.account.stream(STREAM))!.config;
      const other = now === 'file' ? 'memory' : 'file';
      const killed = await live.run(FILES[other], ['apply', '--replace'], 3);
      expect(killed.signal).toBe('SIGKILL');
      const back = await live.run(FILES[other], ['rollback']);
      expect(back.code, back.stdout + back.stderr).toBe(0);
      await expectDone(FILES[now as 'file' | 'memory'], now!);

      const late = await live.run(FILES[other], ['apply', '--replace'], 14);
      expect(late.signal).toBe('SIGKILL');
      const refused = await live.run(FILES[other], ['rollback']);
      expect(refused.code, refused.stdout).toBe(3);
      expect(refused.stdout + refused.stderr).toContain('migrate --resume');
      expect((await live.run(FILES[other], ['migrate', '--resume'])).code).toBe(0);
      await expectDone(FILES[other], other);
    },
  );

  it('migrates and rolls back afterwards as ever', { timeout: 120_000 }, async () => {
    const file = FILES[(await live.account.stream(STREAM))!.config.storage!];
    const other = file === SEED ? FILES.memory : FILES.file;
    const succeeds = async (topologyFile: string, ...args: string[]): Promise<void> => {
      const ended = await live.run(topologyFile, args);
      expect(ended.code, `${args.join(' ')}: ${ended.stdout}${ended.stderr}`).toBe(0);
    };
    await succeeds(file, 'migrate', '--to', 'multi');
    live.worker.follow('multi');
    await acked(100);
    // While it owns nothing, and holds the messages of others.
    await succeeds(other, 'apply', '--replace');
    await succeeds(file, 'apply', '--replace');
    await succeeds(file, 'rollback');
    live.worker.follow('single');
    await acked(100);
  });

  it('a durable that cannot change in place is made anew where it stands', { timeout: 120_000 }, async () => {
    const now = (await live.account.stream(STREAM))!.config.storage!;
    const file = variant('waiting', storage(now), ['maxDeliver: 5,', 'maxDeliver: 5, maxWaiting: 256,']);
    const before = (await live.account.consumer(STREAM, DURABLE))!;
    const killed = await live.run(file, ['consumers', 'apply', '--replace'], 1);
    expect(killed.signal).toBe('SIGKILL');
    const applied = await live.run(file, ['consumers', 'apply', '--replace']);
    expect(applied.code, applied.stdout + applied.stderr).toBe(0);
    const after = (await live.account.consumer(STREAM, DURABLE))!;
    expect(after.config.max_waiting).toBe(256);
    expect(after.config.opt_start_seq).toBeGreaterThan(before.ack_floor.stream_seq);
  });

  it('and no message was lost, doubled or refused, and none skipped', { timeout: 120_000 }, async () => {
    await live.traffic.stop();
    await live.worker.finish();
    const { ledger } = live.traffic;
    const streams = Object.keys(live.topology.streams);
    const verdict = await judge(live.account, ledger, { streams, holders: [STREAM, 'AA_DLQ'] });
    const clean = { lost: 0, doubled: 0, refused: 0, unanswered: 0, outOfOrderWaiting: 0, strangers: 0 };
    expect(verdict).toMatchObject({ ...clean, acked: verdict.sent });
    expect(judgeWorked(ledger, live.record, [subjects[0]!])).toMatchObject({ skipped: 0, examples: [] });
  });

  it('also one whose ackPolicy changes, with what it has not acked', { timeout: 120_000 }, async () => {
    const now = (await live.account.stream(STREAM))!.config.storage!;
    const file = variant('ack-all', storage(now), ['ackPolicy: explicit', 'ackPolicy: all']);
    for (let n = 0; n < 10; n++) await live.account.connection.request(subjects[0]!, `${n}`);
    const applied = await live.run(file, ['apply', '--replace']);
    expect(applied.code, applied.stdout + applied.stderr).toBe(0);
    const { config, num_pending } = (await live.account.consumer(STREAM, DURABLE))!;
    expect(config.ack_policy).toBe('all');
    expect(num_pending).toBe(10);
  });
});
