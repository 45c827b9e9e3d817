import { describe, expect, it } from 'vitest';
import { CIRCLE, type Crash, INTEREST, QUEUE, runCrashLane, SEED } from '../../support/crash/crashLane.ts';
import { seededRandom, testSeed } from '../../support/random.ts';

const NIGHTLY = process.env['AA_TEST_NIGHTLY'];
const KILLS = NIGHTLY ? 500 : process.env['AA_TEST_LONG'] ? 100 : 10;
const CIRCLE_KILLS = NIGHTLY ? 100 : process.env['AA_TEST_LONG'] ? 40 : 4;
const INTEREST_KILLS = NIGHTLY ? 100 : process.env['AA_TEST_LONG'] ? 40 : 4;
const QUEUE_KILLS = INTEREST_KILLS;
/** Each lane has a server of its own; two of them use two cores. */
const LANES = 2;
const seed = testSeed();

const worst = (values: number[]): string =>
  values.length === 0
    ? 'none'
    : `${values.length} times, median ${median(values).toFixed(0)} ms, longest ${Math.max(...values).toFixed(0)} ms`;
const median = (values: number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

function tell(crashes: Crash[]): void {
  const inWindow = crashes.filter((crash) => crash.inWindow);
  const of = (guardian: Crash['guardian']) => inWindow.filter((crash) => crash.guardian === guardian);
  const lines = [
    `${crashes.length} kills (seed ${seed}), ${inWindow.length} of them while nobody owned the subjects`,
    `guardian alive: refused ${worst(of('alive').flatMap((c) => (c.refused > 0 ? [c.refusedMs] : [])))}`,
    `guardian alive: longest wait for an ack ${worst(of('alive').map((c) => c.longestWaitMs))}`,
    `guardian killed: refused ${worst(of('killed').flatMap((c) => (c.refused > 0 ? [c.refusedMs] : [])))}`,
  ];
  console.log(lines.join('\n'));
}

describe.skipIf(process.platform !== 'linux')('kill -9 at any instant, forward and back', () => {
  it.each([
    { what: 'one stream into two', scene: SEED, kills: KILLS },
    { what: 'a circle of three, in rounds', scene: CIRCLE, kills: CIRCLE_KILLS },
    { what: 'streams of interest, which drop what is worked', scene: INTEREST, kills: INTEREST_KILLS },
    { what: 'work queues', scene: QUEUE, kills: QUEUE_KILLS },
  ])(
    '$what, $kills times: every run is ended by --resume or rollback, in the same ledger',
    { timeout: KILLS * 30_000 },
    async ({ scene, kills }) => {
      console.log(`seed ${seed}`);
      const results = await Promise.all(
        Array.from({ length: LANES }, (_, lane) =>
          runCrashLane({
            scene,
            kills: kills / LANES,
            random: seededRandom(seed + lane),
            guardianToo: lane === 0 ? 0 : 0.5,
            otherMachine: kills > 10 ? 0.03 : 0,
          }),
        ),
      );
      const crashes = results.flatMap((result) => result.crashes);
      tell(crashes);
      expect(
        results.flatMap(({ faults }) => faults),
        `AA_TEST_SEED=${seed}`,
      ).toEqual([]);
      expect(crashes).toHaveLength(kills);
      for (const { acked, worked } of results) expect(Math.min(acked, worked)).toBeGreaterThan(0);
    },
  );
});
