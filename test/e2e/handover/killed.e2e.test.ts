import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { epochOfSource } from '@aa-ops/topology';
import { judge, judgeWorked } from '../../../cli/src/traffic/index.ts';
import { type LiveAccount, startLiveAccount } from '../../support/liveAccount.ts';

const FILE = fileURLToPath(new URL('../../support/seed-topology.yaml', import.meta.url));
const DURABLE = 'normalize-hrv-durable';
const subjects = ['athlete-ally.hrv.raw-received', 'sleep.scored', 'vendor.oura.webhook'];

let live: LiveAccount;
const cwd = mkdtempSync(join(tmpdir(), 'aa-killed-'));

beforeAll(async () => {
  live = await startLiveAccount({ file: FILE, subjects, durable: DURABLE, cwd });
});

afterAll(async () => {
  await live?.stop();
  rmSync(cwd, { recursive: true, force: true });
});

const WAYS = [
  { start: ['migrate', '--to', 'multi'], mode: 'multi' },
  { start: ['rollback'], mode: 'single' },
];

/** The worst first: behind the window's own entries (8, 9) every process is at its most undecided. */
const TURNING_POINTS = process.env['AA_TEST_LONG'] ? [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13] : [2, 8];

describe('kill -9 of the CLI', () => {
  it(
    'right behind each journal entry, forward and back: --resume ends it',
    { timeout: 300_000 },
    async () => {
      const points: Record<string, number> = { multi: 0, single: 0 };
      for (let entry = 1; Math.max(...Object.values(points)) === entry - 1; entry++) {
        for (const { start, mode } of WAYS) {
          const killed = await live.run(FILE, start, entry);
          const died = killed.signal === 'SIGKILL';
          if (died) points[mode] = entry;
          const ended = died ? await live.run(FILE, ['migrate', '--resume']) : killed;
          expect(ended, `to ${mode}, killed behind entry ${entry}: ${ended.stderr}`).toMatchObject({
            code: 0,
          });
          expect(ended.json()).toMatchObject({ result: 'done', to: mode });
          live.worker.follow(mode);
        }
      }
      expect(points['multi']).toBeGreaterThan(12);
      expect(points['single']).toBeGreaterThan(10);
    },
  );

  it('then rollback instead: ends in single, with nothing left behind', { timeout: 240_000 }, async () => {
    for (const entry of TURNING_POINTS) {
      const killed = await live.run(FILE, ['migrate', '--to', 'multi'], entry);
      expect(killed.signal, `entry ${entry}`).toBe('SIGKILL');
      const back = await live.run(FILE, ['rollback']);
      expect(back, `killed behind entry ${entry}: ${back.stderr}${back.stdout}`).toMatchObject({ code: 0 });
      expect((await live.run(FILE, ['status'])).json()).toMatchObject({ mode: 'single', run: null });
    }
  });

  it('leaves 0 acked lost, 0 doubled, 0 refused, 0 skipped, and no trace', async () => {
    await live.traffic.stop();
    await live.worker.finish();
    const verdict = await judge(live.account, live.traffic.ledger, {
      streams: Object.keys(live.topology.streams),
      holders: ['ATHLETE_ALLY_EVENTS'],
    });
    expect(verdict, JSON.stringify(verdict.examples)).toMatchObject({
      lost: 0,
      doubled: 0,
      refused: 0,
      outOfOrderWaiting: 0,
      strangers: 0,
    });
    expect(judgeWorked(live.traffic.ledger, live.record, [subjects[0]!])).toMatchObject({
      skipped: 0,
      examples: [],
    });
    for (const stream of Object.keys(live.topology.streams)) {
      const info = await live.account.stream(stream);
      expect((info!.config.sources ?? []).filter((s) => epochOfSource(s) !== undefined)).toEqual([]);
    }
  });
});
