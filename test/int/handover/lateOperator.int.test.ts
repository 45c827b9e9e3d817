import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { realSubjects } from '@aa-ops/topology';
import { resume } from '../../../cli/src/runbook/migrate.ts';
import { rollBack } from '../../../cli/src/runbook/rollBack.ts';
import { judge, startTraffic } from '../../../cli/src/traffic/index.ts';
import { guardiansOf } from '../../support/guardians.ts';
import { startSleeper } from '../../support/parent.ts';
import { startRun, type TestRun } from '../../support/runs.ts';
import { seedTopology } from '../../support/topologies.ts';
import { tracesOf } from '../../support/traces.ts';

const STREAMS = Object.keys(seedTopology.streams);
let run: TestRun;
beforeEach(async () => {
  run = await startRun(seedTopology);
});
afterEach(() => run.stop());

async function expectMode(mode: string): Promise<void> {
  const { subjects } = seedTopology.modes[mode]!;
  for (const stream of STREAMS) {
    const { config } = (await run.account.stream(stream))!;
    expect(realSubjects(config.subjects).toSorted(), stream).toEqual(
      [...(subjects[stream] ?? [])].toSorted(),
    );
  }
}

describe.skipIf(process.platform !== 'linux')(
  'an operator that falls asleep with a request on its lips, and has neither guardian nor lease when it wakes',
  () => {
    it.each(['before-release', 'before-take'])(
      'leaves every subject with its owner, and nothing that the next run does not take away: %s',
      { timeout: 120_000 },
      async (stop) => {
        const traffic = await startTraffic(run.settings, [
          { name: 'ids', kind: 'pipelined', msgId: true, ratePerSecond: 60, subjects: ['sleep.scored'] },
          { name: 'bare', kind: 'waiting', msgId: false, ratePerSecond: 60, subjects: ['vendor.oura.hook'] },
        ]);
        const { process: child, told } = await startSleeper(run, stop);
        for (const pid of told.guardians) process.kill(pid, 'SIGKILL');
        while (guardiansOf(child.pid!).length > 0) await delay(5);
        onTestFinished(() => void child.kill('SIGKILL'));
        expect(await resume(run.environment)).toMatchObject({ exitCode: 0, json: { result: 'done' } });
        await expectMode('multi');

        const gone = once(child, 'exit');
        let said = '';
        child.stdout!.on('data', (chunk: Buffer) => (said += chunk.toString()));
        child.kill('SIGCONT');
        await gone;
        expect(said).toContain('lease-lost');
        await expectMode('multi');

        expect(await rollBack(run.environment)).toMatchObject({ exitCode: 0, json: { to: 'single' } });
        await expectMode('single');
        expect(await tracesOf(run.account, seedTopology)).toEqual([]);
        await traffic.stop();
        const verdict = await judge(run.account, traffic.ledger, {
          streams: STREAMS,
          holders: ['ATHLETE_ALLY_EVENTS'],
        });
        expect(verdict, JSON.stringify(verdict.examples)).toMatchObject({
          lost: 0,
          doubled: 0,
          strangers: 0,
        });
      },
    );
  },
);
