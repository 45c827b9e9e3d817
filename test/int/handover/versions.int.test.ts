import { afterEach, describe, expect, it } from 'vitest';
import { isClean } from '@aa-ops/topology';
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
import { fetchNatsServer, NATS_WHEELS } from '../../support/servers.ts';
import { seedTopology } from '../../support/topologies.ts';
import { untilAcked } from '../../support/untilAcked.ts';

// The newest is what every other test runs on; the oldest is here always, those between with AA_TEST_LONG.
const pinned = Object.keys(NATS_WHEELS);
const versions = process.env['AA_TEST_LONG'] ? pinned : [pinned[0]!];

const HRV = 'athlete-ally.hrv.raw-received';
const subjects = [HRV, 'vendor.oura.webhook', 'sleep.recorded'];
const publishers: PublisherSpec[] = [
  { name: 'pipelined-ids', kind: 'pipelined', msgId: true, ratePerSecond: 300, subjects },
  { name: 'pipelined-bare', kind: 'pipelined', msgId: false, ratePerSecond: 300, subjects },
  { name: 'waiting-ids', kind: 'waiting', msgId: true, ratePerSecond: 100, subjects },
  { name: 'waiting-bare', kind: 'waiting', msgId: false, ratePerSecond: 100, subjects },
];

let run: TestRun | undefined;
let traffic: Traffic | undefined;
afterEach(async () => {
  await traffic?.stop();
  await run?.stop();
  [run, traffic] = [undefined, undefined];
});

const acked = (count: number): Promise<void> => untilAcked(traffic!, count);

describe.each(versions)('migrate, roll back, migrate on nats-server %s', (version) => {
  it('loses, doubles, refuses and skips nothing under live traffic', { timeout: 180_000 }, async () => {
    run = await startRun(seedTopology, { binary: (await fetchNatsServer(version)).path });
    expect(run.account.server.version).toBe(version);
    traffic = await startTraffic(run.settings, publishers);
    const { ledger } = traffic;
    const record = new WorkRecord(ledger);
    const durable = 'normalize-hrv-durable';
    const worker = await startCarelessWorker(run.settings, seedTopology, durable, 'single', record);
    await acked(200);
    for (const mode of ['multi', 'single', 'multi']) {
      const outcome =
        mode === 'multi'
          ? await migrate(run.environment, { to: 'multi', options: OPTIONS })
          : await rollBack(run.environment);
      expect(outcome, JSON.stringify(outcome.json)).toMatchObject({
        exitCode: 0,
        json: { result: 'done', to: mode },
      });
      for (const { proof } of outcome.json.handovers) expect(isClean(proof!)).toBe(true);
      worker.follow(mode);
      await acked(200);
    }
    await traffic.stop();
    await worker.finish();
    const verdict = await judge(run.account, ledger, {
      streams: Object.keys(seedTopology.streams),
      holders: Object.keys(seedTopology.modes['multi']!.subjects),
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
    expect(judgeWorked(ledger, record, [HRV])).toMatchObject({ skipped: 0, examples: [] });
  });
});
