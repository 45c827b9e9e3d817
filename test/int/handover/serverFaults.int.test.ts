import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pause, restart, slow } from '../../support/faults/faults.ts';
import { type Stage, STAGES } from '../../support/faults/stages.ts';
import {
  type Bench,
  type Fault,
  openFaultBench,
  type UnderFault,
  type Way,
} from '../../support/faults/underFault.ts';
import { type NatsServer, startNats } from '../../support/servers.ts';

const LONG = process.env['AA_TEST_LONG'];

let server: NatsServer;
let bench: Bench;
beforeEach(async () => {
  server = await startNats();
  bench = await openFaultBench([server.url], 1);
});
afterEach(async () => {
  await bench.stop();
  await server.stop();
});

const tell = (result: UnderFault): void =>
  console.log(
    `${result.fault}, ${result.stage}, ${result.way}: ${result.ended} after ${result.ms.toFixed(0)} ms, ` +
      `refused ${result.refused} over ${result.refusedMs.toFixed(0)} ms, unanswered ${result.unanswered}, ` +
      `longest wait ${result.longestWaitMs.toFixed(0)} ms${result.reason ? ` (${result.reason})` : ''}`,
  );

async function throughStages(
  fault: () => Fault,
  stages: readonly Stage[],
  ways: readonly Way[],
): Promise<void> {
  for (const stage of stages) for (const way of ways) tell(await bench.run(fault(), stage, way));
  const { verdict, skipped, traces } = await bench.verdict();
  expect(verdict, JSON.stringify(verdict.examples)).toMatchObject({ lost: 0, doubled: 0, strangers: 0 });
  expect(verdict.acked).toBeGreaterThan(0);
  expect({ skipped, traces }).toEqual({ skipped: 0, traces: [] });
}

const WAYS: readonly Way[] = ['forward', 'back'];
const stages = (few: Stage[]): readonly Stage[] => (LONG ? STAGES : few);

describe('the only server', () => {
  it('dies and comes back', { timeout: LONG ? 600_000 : 120_000 }, () =>
    throughStages(() => restart(server), stages(['window', 'let-go']), LONG ? WAYS : ['forward']),
  );

  it('stands still for 3 s', { timeout: LONG ? 600_000 : 120_000 }, () =>
    throughStages(() => pause(server, 3_000), stages(['window']), LONG ? WAYS : ['back']),
  );

  it.runIf(LONG)('stands still for 12 s, longer than a lease lives', { timeout: 900_000 }, () =>
    throughStages(() => pause(server, 12_000), STAGES, ['forward']),
  );

  it.runIf(LONG)('has a slow disk', { timeout: 600_000 }, () =>
    throughStages(() => slow(server, 8_000), STAGES, WAYS),
  );
});
