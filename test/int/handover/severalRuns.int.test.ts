import { afterEach, describe, expect, it } from 'vitest';
import { migrate } from '../../../cli/src/runbook/migrate.ts';
import { rollBack } from '../../../cli/src/runbook/rollBack.ts';
import { judge, startTraffic, type Traffic } from '../../../cli/src/traffic/index.ts';
import { applyTopology, OPTIONS, startRun, type TestRun } from '../../support/runs.ts';
import { topologyOf } from '../../support/topologies.ts';

const TEAMS = ['east', 'west', 'north'];
const topologies = TEAMS.map((team) =>
  topologyOf(team, {
    single: { subjects: { [`OLD_${team}`]: [`${team}.>`] } },
    multi: { subjects: { [`NEW_${team}`]: [`${team}.>`] } },
  }),
);

let run: TestRun | undefined;
let traffic: Traffic | undefined;
afterEach(async () => {
  await traffic?.stop();
  await run?.stop();
});

describe('topologies of several teams in one account', () => {
  it('migrate and roll back at the same time, each with its own lease and windows: nothing lost, doubled or refused', async () => {
    run = await startRun(topologies[0]!);
    const { account, environment, settings } = run;
    for (const topology of topologies.slice(1)) await applyTopology(account, topology);
    traffic = await startTraffic(
      settings,
      [true, false].map((msgId) => ({
        name: `pipelined-${msgId}`,
        kind: 'pipelined' as const,
        inFlight: 16,
        msgId,
        ratePerSecond: 1_000,
        subjects: TEAMS.map((team) => `${team}.event`),
      })),
    );
    await Promise.all(
      topologies.map(async (topology) => {
        const own = { ...environment, topology };
        for (let cycle = 0; cycle < 2; cycle++) {
          const over = await migrate(own, { to: 'multi', options: OPTIONS });
          expect(over, topology.name).toMatchObject({ exitCode: 0, json: { result: 'done' } });
          const back = await rollBack(own);
          expect(back, topology.name).toMatchObject({ exitCode: 0, json: { result: 'done' } });
        }
      }),
    );
    await traffic.stop();
    const streams = topologies.flatMap((topology) => Object.keys(topology.streams));
    const { lost, doubled, refused, unanswered } = await judge(account, traffic.ledger, { streams });
    expect({ lost, doubled, refused, unanswered }).toEqual({
      lost: 0,
      doubled: 0,
      refused: 0,
      unanswered: 0,
    });
  });
});
