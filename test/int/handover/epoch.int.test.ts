import { afterEach, describe, expect, it } from 'vitest';
import {
  catchUp,
  type Copy,
  dropCopies,
  type HandoverContext,
  readRange,
  silentHost,
  startCopies,
} from '@aa-ops/topology';
import { migrate } from '../../../cli/src/runbook/migrate.ts';
import { rollBack } from '../../../cli/src/runbook/rollBack.ts';
import { judge, judgeWorked, startTraffic, WorkRecord } from '../../../cli/src/traffic/index.ts';
import { startCarelessWorker } from '../../support/carelessWorker.ts';
import { OPTIONS, startRun, type TestRun } from '../../support/runs.ts';
import { seedTopology, topologyOf } from '../../support/topologies.ts';
import { tracesOf } from '../../support/traces.ts';

const topology = topologyOf('epoch', {
  one: { subjects: { A: ['a.>'] } },
  two: { subjects: { B: ['a.>'] } },
});

let run: TestRun;
afterEach(() => run.stop());

const bodiesIn = async (stream: string): Promise<string[]> => {
  const bodies: string[] = [];
  for await (const batch of readRange(run.account, stream, { fromSeq: 1, filters: ['a.>'] }))
    bodies.push(...batch.map(({ data }) => new TextDecoder().decode(data)));
  return bodies;
};
const own = async (stream: string, subjects: string[]): Promise<void> => {
  const { config } = (await run.account.stream(stream))!;
  await run.account.updateStream({ ...config, subjects });
};

/**
 * There, ten messages, back, five messages, and there again: what the third copy brings. `epochOf` a copy decides whether
 * the server takes it for a source that it knows already.
 */
async function thereAndBackAndThere(epochOf: (n: number, origin: string) => string): Promise<string[]> {
  run = await startRun(topology);
  const context: HandoverContext = {
    account: run.account,
    host: silentHost,
    journal: { effect: (_name, _data, work) => work() },
    signal: new AbortController().signal,
  };
  let published = 0;
  const publish = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) await run.account.connection.request('a.x', `${published++}`);
  };
  const handOver = async (n: number, origin: string, target: string, startSeq: number): Promise<void> => {
    const targetFromSeq = (await run.account.stream(target))!.state.last_seq + 1;
    const copy: Copy = {
      origin,
      target,
      filters: ['a.>'],
      epoch: epochOf(n, origin),
      startSeq,
      targetFromSeq,
    };
    await startCopies(context, [copy]);
    await catchUp(context, copy, { timeoutMs: 30_000 });
    await dropCopies(context, [target]);
    await own(origin, [`_aa-ops.closed.${origin}`]);
    await own(target, ['a.>']);
  };
  await publish(20);
  await handOver(1, 'A', 'B', 1); // A 1..20 are B 1..20
  await publish(10); // B 21..30
  await handOver(2, 'B', 'A', 21); // are A 21..30
  await publish(5); // A 31..35
  await handOver(3, 'A', 'B', 31);
  return bodiesIn('B');
}

describe('the third copy of a pair of streams', () => {
  it('begins where it is told to, because its epoch makes its source a new one', async () => {
    const bodies = await thereAndBackAndThere((n, origin) => `_aa-ops.epoch.run${n}.${origin}.0`);
    expect(bodies).toEqual(Array.from({ length: 35 }, (_, i) => `${i}`));
  });

  it('without a new epoch would bring back what came from there: the server goes on by itself', async () => {
    const bodies = await thereAndBackAndThere((_n, origin) => `_aa-ops.epoch.same.${origin}.0`);
    expect(bodies.length - new Set(bodies).size).toBe(10);
  });
});

describe.runIf(process.env['AA_TEST_LONG'])('ten migrations and ten rollbacks in a row', () => {
  it('lose, double and skip nothing, and leave nothing behind', { timeout: 180_000 }, async () => {
    run = await startRun(seedTopology);
    const subjects = ['athlete-ally.hrv.raw-received', 'sleep.scored', 'vendor.oura.webhook'];
    const traffic = await startTraffic(run.settings, [
      { name: 'bare', kind: 'pipelined', inFlight: 16, msgId: false, ratePerSecond: 300, subjects },
      { name: 'waiting', kind: 'waiting', msgId: false, ratePerSecond: 100, subjects },
    ]);
    const durable = 'normalize-hrv-durable';
    const record = new WorkRecord(traffic.ledger);
    const worker = await startCarelessWorker(run.settings, seedTopology, durable, 'single', record);
    for (let cycle = 1; cycle <= 10; cycle++) {
      const there = await migrate(run.environment, { to: 'multi', options: OPTIONS });
      expect(there, `cycle ${cycle}`).toMatchObject({ exitCode: 0, json: { result: 'done', to: 'multi' } });
      worker.follow('multi');
      const back = await rollBack(run.environment);
      expect(back, `cycle ${cycle}`).toMatchObject({ exitCode: 0, json: { result: 'done', to: 'single' } });
      worker.follow('single');
    }
    await traffic.stop();
    await worker.finish();
    const streams = Object.keys(seedTopology.streams);
    const verdict = await judge(run.account, traffic.ledger, { streams, holders: ['ATHLETE_ALLY_EVENTS'] });
    expect(verdict, JSON.stringify(verdict.examples)).toMatchObject({
      lost: 0,
      doubled: 0,
      refused: 0,
      unanswered: 0,
      outOfOrderWaiting: 0,
      acked: verdict.sent,
    });
    expect(judgeWorked(traffic.ledger, record, [subjects[0]!])).toMatchObject({ skipped: 0, examples: [] });
    expect(await tracesOf(run.account, seedTopology)).toEqual([]);
  });
});
