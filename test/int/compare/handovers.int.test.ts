import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compareStreams, publishMessage, readRange } from '@aa-ops/topology';
import { migrate } from '../../../cli/src/runbook/migrate.ts';
import { rollBack } from '../../../cli/src/runbook/rollBack.ts';
import { readMemories } from '../../../cli/src/saga/readMemories.ts';
import { OPTIONS, startRun, type TestRun } from '../../support/runs.ts';
import { topologyOf } from '../../support/topologies.ts';

const topology = topologyOf('compared', {
  one: { subjects: { OLD: ['x.>'] } },
  two: { subjects: { NEW: ['x.>'] } },
});
const PER_STAGE = 50;

let run: TestRun;
beforeAll(async () => {
  run = await startRun(topology, { config: 'max_payload: 16MB' });
});
afterAll(() => run?.stop());

async function publish(subject: string, payload: Uint8Array): Promise<void> {
  const outcome = await publishMessage(run.account.connection, subject, payload, {
    headers: [],
    timeoutMs: 10_000,
  });
  expect(outcome.status).toBe('stored');
}

async function publishSome(stage: string): Promise<void> {
  for (let n = 0; n < PER_STAGE; n++) await publish(`x.${n % 2}`, Buffer.from(`${stage} ${n}`));
}

async function compareHandovers() {
  const blocks = (await readMemories(run.account)).flatMap((memory) => memory.blocks);
  const place = async (name: string) => ({ account: run.account, info: (await run.account.stream(name))! });
  return compareStreams(await place('OLD'), await place('NEW'), { blocks });
}

describe('what handovers copied, there, back and there again', () => {
  it('is compared in each direction, and nothing of what each stream took by itself', async () => {
    await publishSome('old');
    const options = { ...OPTIONS, copy: 'all' };
    expect((await migrate(run.environment, { to: 'two', options })).exitCode).toBe(0);
    await publishSome('new');
    expect((await rollBack(run.environment)).exitCode).toBe(0);
    await publishSome('old again');
    expect((await migrate(run.environment, { to: 'two', options })).exitCode).toBe(0);
    await publishSome('new again');

    const comparison = await compareHandovers();
    expect(comparison).toMatchObject({ equal: true, messages: 3 * PER_STAGE, missing: 0, by: 'source' });
    expect(comparison.parts.map(({ origin }) => origin)).toEqual(['OLD', 'NEW', 'OLD']);
    expect(comparison.beyond).toEqual({ from: 0, to: PER_STAGE });

    // One that came over the second time.
    const { blocks } = (await readMemories(run.account))[0]!;
    const copy = blocks.findLast(({ target }) => target === 'NEW')!;
    await run.account.deleteMessage('NEW', copy.targetSeqs[0]);
    const unequal = await compareHandovers();
    expect(unequal).toMatchObject({ equal: false, missing: 1, firstMissing: copy.originSeqs[0] });
  });
});

describe('messages larger than a batch may be', () => {
  it('are read all the same, in order, between small ones', { timeout: 120_000 }, async () => {
    const sizes = [10, 10 * 2 ** 20, 20, 3 * 2 ** 20, 4 * 2 ** 20, 5 * 2 ** 20, 30];
    await run.account.createStream({ name: 'LARGE', subjects: ['large'], storage: 'file' });
    for (const size of sizes) await publish('large', Buffer.alloc(size, size % 251));
    const seen: number[] = [];
    const batches: number[] = [];
    for await (const batch of readRange(run.account, 'LARGE', { fromSeq: 1 })) {
      seen.push(...batch.map(({ data }) => data.length));
      batches.push(batch.reduce((sum, { data }) => sum + data.length, 0));
    }
    expect(seen).toEqual(sizes);
    expect(Math.max(...batches)).toBe(10 * 2 ** 20); // alone, because it does not fit
  });
});
