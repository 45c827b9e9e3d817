import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { epochOfSource } from '@aa-ops/topology';
import { migrate } from '../../../cli/src/runbook/migrate.ts';
import { judge, startTraffic } from '../../../cli/src/traffic/index.ts';
import { OPTIONS, startRun, type TestRun } from '../../support/runs.ts';
import { seedTopology } from '../../support/topologies.ts';

let run: TestRun;
beforeEach(async () => {
  run = await startRun(seedTopology);
});
afterEach(() => run.stop());

describe('a window that cannot drain', () => {
  it(
    'gives the subjects back, and every held publish with them; the run is taken back',
    { timeout: 90_000 },
    async () => {
      const { account } = run;
      const traffic = await startTraffic(run.settings, [
        {
          name: 'ids',
          kind: 'pipelined',
          msgId: true,
          ratePerSecond: 100,
          subjects: ['sleep.scored', 'vendor.oura.hook'],
        },
        { name: 'bare', kind: 'waiting', msgId: false, ratePerSecond: 100, subjects: ['sleep.scored'] },
      ]);
      // Somebody takes a source away right when the windows begin: what was released never arrives.
      const notify = run.environment.host.notify.bind(run.environment.host);
      run.environment.host = {
        notify(notice) {
          notify(notice);
          if (notice.code === 'step-started' && notice.data?.['step'] === 'handover') void sabotage();
        },
      };
      let sabotaging = true;
      const sabotage = async (): Promise<void> => {
        while (sabotaging) {
          const target = await account.stream('AA_CORE_HOT');
          if (target?.config.sources) await account.updateStream({ ...target.config, sources: [] });
        }
      };
      const outcome = await migrate(run.environment, { to: 'multi', options: OPTIONS });
      sabotaging = false;
      expect(outcome).toMatchObject({ exitCode: 1, json: { result: 'rolled-back' } });
      await traffic.stop();
      const verdict = await judge(account, traffic.ledger, {
        streams: Object.keys(seedTopology.streams),
        holders: ['ATHLETE_ALLY_EVENTS'],
      });
      expect(verdict, JSON.stringify(verdict.examples)).toMatchObject({
        lost: 0,
        doubled: 0,
        refused: 0,
        unanswered: 0,
        outOfOrderWaiting: 0,
      });
      expect((await account.stream('ATHLETE_ALLY_EVENTS'))!.config.subjects.toSorted()).toEqual(
        ['athlete-ally.>', 'sleep.*', 'vendor.oura.>'].toSorted(),
      );
      for (const stream of Object.keys(seedTopology.streams)) {
        const info = await account.stream(stream);
        expect((info!.config.sources ?? []).filter((source) => epochOfSource(source) !== undefined)).toEqual(
          [],
        );
        expect(await account.subjectCounts(stream, '_aa-ops.>')).toEqual(new Map());
      }
    },
  );
});
