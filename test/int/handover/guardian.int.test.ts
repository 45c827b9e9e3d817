import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { JetStreamWriter, StreamConfig } from '@aa-ops/topology';
import { migrate } from '../../../cli/src/runbook/migrate.ts';
import { OPTIONS, startRun, type TestRun } from '../../support/runs.ts';
import { seedTopology } from '../../support/topologies.ts';

let run: TestRun;
afterEach(() => run.stop());

/** Processes whose parent this one is and whose command line names the guardian; still there or not. */
function guardians(): number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((pid) => {
      try {
        const parent = /\) \S (\d+) /.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1];
        return (
          Number(parent) === process.pid && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('guardian')
        );
      } catch {
        return false; // it ended meanwhile
      }
    });
}

/** The account as the run sees it; `before` is called ahead of every change of a stream. */
const watched = (
  account: JetStreamWriter,
  before: (config: StreamConfig) => Promise<void>,
): JetStreamWriter =>
  Object.create(account, {
    updateStream: {
      value: async (config: StreamConfig) => {
        await before(config);
        return account.updateStream(config);
      },
    },
  }) as JetStreamWriter;

describe.skipIf(process.platform !== 'linux')('a guardian that dies while its parent lives', () => {
  it('takes nothing with it: the handover ends as if nothing had been', async () => {
    run = await startRun(seedTopology);
    let killed = 0;
    run.environment.account = watched(run.account, async ({ name, subjects }) => {
      const isRelease = name === 'ATHLETE_ALLY_EVENTS' && subjects?.some((s) => s.includes('epoch'));
      if (!isRelease) return;
      for (const pid of guardians()) {
        process.kill(pid, 'SIGKILL');
        killed += 1;
      }
      while (guardians().length > 0) await delay(5);
    });
    const outcome = await migrate(run.environment, { to: 'multi', options: OPTIONS });
    expect(killed).toBe(1);
    expect(outcome, JSON.stringify(outcome.json.error)).toMatchObject({
      exitCode: 0,
      json: { result: 'done' },
    });
    expect(run.notices.map(({ code }) => code)).toContain('guardian-gone');
  });
});
