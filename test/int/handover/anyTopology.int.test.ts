import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { epochOfSource, isClean } from '@aa-ops/topology';
import { migrate } from '../../../cli/src/runbook/migrate.ts';
import { rollBack } from '../../../cli/src/runbook/rollBack.ts';
import {
  judge,
  judgeWorked,
  type PublisherSpec,
  startTraffic,
  WorkRecord,
} from '../../../cli/src/traffic/index.ts';
import { startCarelessWorker } from '../../support/carelessWorker.ts';
import { randomTopology, type RandomTopology } from '../../support/randomTopology.ts';
import { OPTIONS, startRun, type TestRun } from '../../support/runs.ts';
import { untilAcked } from '../../support/untilAcked.ts';

const RUNS = process.env['AA_TEST_LONG'] === '1' ? 200 : 20;
/** Side by side, since a handover waits more than it works; four of them, with their publishers and workers, wait for two cores instead. */
const LANES = 2;
// A failure prints its seed and what it shrank to; AA_TEST_SEED runs it again.
const seed = process.env['AA_TEST_SEED'];

const publishers = (subjects: string[]): PublisherSpec[] => [
  { name: 'pipelined-ids', kind: 'pipelined', inFlight: 16, msgId: true, ratePerSecond: 500, subjects },
  { name: 'pipelined-bare', kind: 'pipelined', inFlight: 16, msgId: false, ratePerSecond: 500, subjects },
  { name: 'waiting-ids', kind: 'waiting', msgId: true, ratePerSecond: 100, subjects },
  { name: 'waiting-bare', kind: 'waiting', msgId: false, ratePerSecond: 100, subjects },
];

describe.concurrent.each(Array.from({ length: LANES }, (_, lane) => lane))(
  'random topologies, lane %i',
  (lane) => {
    const numRuns = RUNS / LANES;
    test(
      `${numRuns} go over and back under live publishers: nothing lost, doubled, refused or skipped`,
      async () => {
        const property = fc.asyncProperty(randomTopology, async (random) => {
          const run = await startRun(random.topology);
          try {
            await thereAndBack(run, random);
          } finally {
            await run.stop();
          }
        });
        await fc.assert(property, { numRuns, ...(seed ? { seed: Number(seed) + lane } : {}) });
      },
      numRuns * 60_000,
    );
  },
);

async function thereAndBack(run: TestRun, { topology, subjects, worked }: RandomTopology): Promise<void> {
  const traffic = await startTraffic(run.settings, publishers(subjects));
  const { ledger } = traffic;
  const acked = (count: number): Promise<void> => untilAcked(traffic, count);
  try {
    const durables = worked;
    const records = durables.map(() => new WorkRecord(ledger));
    const workers = await Promise.all(
      durables.map((name, i) => startCarelessWorker(run.settings, topology, name, 'single', records[i]!)),
    );
    await acked(200);
    for (const mode of ['multi', 'single'] as const) {
      const outcome =
        mode === 'multi'
          ? await migrate(run.environment, { to: mode, options: OPTIONS })
          : await rollBack(run.environment);
      expect(outcome, `to ${mode}`).toMatchObject({ exitCode: 0, json: { result: 'done', to: mode } });
      for (const { proof } of outcome.json.handovers) expect(isClean(proof!)).toBe(true);
      for (const worker of workers) worker.follow(mode);
      await acked(200);
    }
    await traffic.stop();
    await Promise.all(workers.map((worker) => worker.finish()));

    const holders = Object.keys(topology.modes['single']!.subjects);
    const drops = Object.values(topology.streams).some(({ retention = 'limits' }) => retention !== 'limits');
    const read = durables.flatMap((name) => topology.consumers[name]!.filter_subjects!);
    const verdict = await judge(run.account, ledger, {
      streams: Object.keys(topology.streams),
      holders,
      dropped: drops ? read : [],
    });
    const clean = { lost: 0, doubled: 0, refused: 0, unanswered: 0, outOfOrderWaiting: 0, strangers: 0 };
    expect(verdict, JSON.stringify(verdict.errors)).toMatchObject({ ...clean, acked: verdict.sent });
    for (const [i, record] of records.entries()) {
      const filters = topology.consumers[durables[i]!]!.filter_subjects!;
      expect(judgeWorked(ledger, record, filters)).toMatchObject({ skipped: 0, examples: [] });
    }
    for (const stream of Object.keys(topology.streams)) {
      const { config } = (await run.account.stream(stream))!;
      expect((config.sources ?? []).filter((it) => epochOfSource(it) !== undefined)).toEqual([]);
    }
  } finally {
    await traffic.stop();
  }
}
