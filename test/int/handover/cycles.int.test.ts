import { afterEach, describe, expect, it } from 'vitest';
import { epochOfSource, isClean, type Topology } from '@aa-ops/topology';
import { migrate } from '../../../cli/src/runbook/migrate.ts';
import { rollBack } from '../../../cli/src/runbook/rollBack.ts';
import {
  judge,
  judgeWorked,
  type PublisherSpec,
  startTraffic,
  type Traffic,
  WorkRecord,
} from '../../../cli/src/traffic/index.ts';
import { startCarelessWorker } from '../../support/carelessWorker.ts';
import { OPTIONS, startRun, type TestRun } from '../../support/runs.ts';
import { seedTopology, threeIntoTwo, twoIntoFive } from '../../support/topologies.ts';
import { untilAcked } from '../../support/untilAcked.ts';

const shapes: { topology: Topology; subjects: string[] }[] = [
  {
    topology: seedTopology,
    subjects: ['athlete-ally.hrv.raw-received', 'sleep.scored', 'vendor.oura.webhook'],
  },
  { topology: threeIntoTwo, subjects: ['orders.new.eu', 'bills.paid', 'refunds.a.b', 'audit.login'] },
  {
    topology: twoIntoFive,
    subjects: ['sensor.1.raw', 'sensor.2.clean', 'alarm.fire', 'ops.eu.1', 'ops.us.2', 'ops.ap.3'],
  },
];

const publishers = (subjects: string[]): PublisherSpec[] => [
  { name: 'pipelined-ids', kind: 'pipelined', inFlight: 16, msgId: true, ratePerSecond: 800, subjects },
  { name: 'pipelined-bare', kind: 'pipelined', inFlight: 16, msgId: false, ratePerSecond: 800, subjects },
  { name: 'waiting-ids', kind: 'waiting', msgId: true, ratePerSecond: 200, subjects },
  { name: 'waiting-bare', kind: 'waiting', msgId: false, ratePerSecond: 200, subjects },
];

let run: TestRun | undefined;
let traffic: Traffic | undefined;
afterEach(async () => {
  await traffic?.stop();
  await run?.stop();
  [run, traffic] = [undefined, undefined];
});

const acked = (count: number): Promise<void> => untilAcked(traffic!, count);

describe.each(shapes)('migrate, rollback, migrate, rollback: $topology.name', ({ topology, subjects }) => {
  it('loses, doubles, refuses and skips nothing under live traffic', async () => {
    run = await startRun(topology);
    traffic = await startTraffic(run.settings, publishers(subjects));
    const { ledger } = traffic;
    const durables = Object.keys(topology.consumers);
    const records = durables.map(() => new WorkRecord(ledger));
    const workers = await Promise.all(
      durables.map((name, i) => startCarelessWorker(run!.settings, topology, name, 'single', records[i]!)),
    );
    await acked(500);
    for (const turn of [1, 2]) {
      for (const mode of ['multi', 'single']) {
        const outcome =
          mode === 'multi'
            ? await migrate(run.environment, { to: 'multi', options: OPTIONS })
            : await rollBack(run.environment);
        expect(outcome, `turn ${turn} to ${mode}`).toMatchObject({
          exitCode: 0,
          json: { result: 'done', to: mode },
        });
        for (const { proof } of outcome.json.handovers) expect(isClean(proof!)).toBe(true);
        for (const worker of workers) worker.follow(mode);
        await acked(500);
      }
    }
    await traffic.stop();
    await Promise.all(workers.map((worker) => worker.finish()));

    const streams = Object.keys(topology.streams);
    const verdict = await judge(run.account, ledger, {
      streams,
      holders: Object.keys(topology.modes.single!.subjects),
    });
    expect(verdict).toMatchObject({
      lost: 0,
      doubled: 0,
      refused: 0,
      unanswered: 0,
      outOfOrderWaiting: 0,
      strangers: 0,
      acked: verdict.sent,
    });
    for (const [i, record] of records.entries()) {
      const filters = topology.consumers[durables[i]!]!.filter_subjects!;
      expect(judgeWorked(ledger, record, filters)).toMatchObject({ skipped: 0, examples: [] });
    }
    for (const stream of streams) {
      const info = await run.account.stream(stream);
      expect((info!.config.sources ?? []).filter((s) => epochOfSource(s) !== undefined)).toEqual([]);
      expect(await run.account.subjectCounts(stream, '_aa-ops.>')).toEqual(new Map());
    }
  });
});
