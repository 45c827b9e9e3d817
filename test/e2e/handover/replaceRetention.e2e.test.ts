import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { standInOf } from '@aa-ops/topology';
import { judge, judgeWorked } from '../../../cli/src/traffic/index.ts';
import { type LiveAccount, startLiveAccount } from '../../support/liveAccount.ts';
import { tracesOf } from '../../support/traces.ts';
import { untilAcked } from '../../support/untilAcked.ts';

// Made anew from one retention to another, and as one of its kind; killed in between: everyChange.e2e.test.ts.
const STREAM = 'ATHLETE_ALLY_EVENTS';
const DURABLE = 'normalize-hrv-durable';
const HRV = 'athlete-ally.hrv.raw-received';
const subjects = [HRV, 'sleep.scored', 'vendor.oura.webhook'];
const cwd = mkdtempSync(join(tmpdir(), 'aa-retention-'));

const TEXT = `
version: 1
name: retention
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
interface Fields {
  storage: 'file' | 'memory';
  retention: 'interest' | 'limits' | 'workqueue';
}

/** One stream; `idle` wants what nobody works, so that each message of it can be counted. */
function fileOf({ storage, retention }: Fields, replicas: number): string {
  const path = join(cwd, `${storage}-${retention}-${replicas}.yaml`);
  const fields = `storage: ${storage}, retention: ${retention}`;
  writeFileSync(path, TEXT.replace('FIELDS', fields).replace('REPLICAS', `${replicas}`));
  return path;
}

const LIMITS: Fields = { storage: 'file', retention: 'limits' };
const QUEUE: Fields = { storage: 'file', retention: 'workqueue' };
const INTEREST: Fields = { storage: 'file', retention: 'interest' };
const inMemory = (fields: Fields): Fields => ({ ...fields, storage: 'memory' });

const REPLACE = ['apply', '--replace', '--allow-destructive'];

/** Each from the one before it, with one replica and with three; to `interest` and back from it alone a server changes a stream in place. */
const WAYS: { replicas: 1 | 3; first: Fields; ways: Fields[] }[] = [
  {
    replicas: 1,
    first: LIMITS,
    ways: [QUEUE, LIMITS, inMemory(INTEREST), INTEREST, inMemory(QUEUE), QUEUE, INTEREST],
  },
  {
    replicas: 3,
    first: INTEREST,
    ways: [inMemory(LIMITS), INTEREST, inMemory(QUEUE), INTEREST, inMemory(INTEREST)],
  },
];

describe.each(WAYS)('a stream with $replicas replicas', ({ replicas, first, ways }) => {
  let live: LiveAccount;
  let now = first;

  beforeAll(async () => {
    const file = fileOf(first, replicas);
    live = await startLiveAccount({ file, subjects, durable: DURABLE, cwd, servers: replicas });
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

  const becomesQueue = it.runIf(ways[0]!.retention === 'workqueue');
  becomesQueue('is refused while what was worked may not go, and planned with its number', async () => {
    const file = fileOf(QUEUE, replicas);
    const plan = await live.run(file, ['plan']);
    const [change] = plan.json<{ changes: { name: string; messagesDeleted: number }[] }>().changes;
    expect(change).toMatchObject({ name: STREAM, action: 'replace', class: 'handover' });
    expect(change!.messagesDeleted).toBeGreaterThan(0);
    const refused = await live.run(file, ['apply', '--replace']);
    expect(refused.code).toBe(3);
    expect(refused.stdout + refused.stderr).toContain('--allow-destructive');
  });

  it('is made anew under live traffic, way by way', { timeout: ways.length * 60_000 }, async () => {
    for (const fields of ways) {
      // Nothing is deleted where it stays what it is, or keeps everything afterwards.
      const isSafe = fields.retention === now.retention || fields.retention === 'limits';
      const done = await live.run(fileOf(fields, replicas), isSafe ? ['apply', '--replace'] : REPLACE);
      expect(done.code, `${JSON.stringify(fields)}: ${done.stdout}${done.stderr}`).toBe(0);
      expect(done.json<{ replaced: object[] }>().replaced).toEqual([
        expect.objectContaining({ command: 'replace', result: 'done', shortcomings: [] }),
      ]);
      await expectDone(fields);
      now = fields;
    }
  });

  it('is what it was when the run is taken back', { timeout: 120_000 }, async () => {
    const { created } = (await live.account.stream(STREAM))!;
    const other = now.storage === 'file' ? inMemory(now) : { ...now, storage: 'file' as const };
    const killed = await live.run(fileOf(other, replicas), REPLACE, 6);
    expect(killed.signal).toBe('SIGKILL');
    const back = await live.run(fileOf(now, replicas), ['rollback']);
    expect(back.code, back.stdout + back.stderr).toBe(0);
    await expectDone(now);
    expect((await live.account.stream(STREAM))!.created).toBe(created);
  });

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
