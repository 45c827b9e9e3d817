import { describe, expect, it } from 'vitest';
import { type FaultCluster, startFaultCluster } from '../../support/faults/faultCluster.ts';
import { partition, pause, restart, slow } from '../../support/faults/faults.ts';
import { type Stage, STAGES } from '../../support/faults/stages.ts';
import {
  type Bench,
  type Fault,
  openFaultBench,
  type UnderFault,
  type Way,
} from '../../support/faults/underFault.ts';
import { type NatsServer, startNats } from '../../support/servers.ts';

/** Every stage, both directions; without it, the stages that leave most undecided. */
const LONG = process.env['AA_TEST_LONG'];
const WAYS: readonly Way[] = ['forward', 'back'];

const tell = (result: UnderFault, fault = result.fault): void =>
  console.log(
    `${fault}, ${result.stage}, ${result.way}: ${result.ended} after ${result.ms.toFixed(0)} ms, ` +
      `refused ${result.refused} over ${result.refusedMs.toFixed(0)} ms, unanswered ${result.unanswered}, ` +
      `longest wait ${result.longestWaitMs.toFixed(0)} ms${result.reason ? ` (${result.reason})` : ''}`,
  );

interface Case {
  stages: readonly Stage[];
  ways: readonly Way[];
}
const some = (stages: Stage[], ways: Way[]): Case =>
  LONG ? { stages: STAGES, ways: WAYS } : { stages, ways };

async function through(
  bench: Bench,
  { stages, ways }: Case,
  faultOf: () => Promise<{ fault: Fault; what?: string }>,
): Promise<void> {
  for (const stage of stages) {
    for (const way of ways) {
      const { fault, what } = await faultOf();
      tell(await bench.run(fault, stage, way), what && `${what}: ${fault.name}`);
    }
  }
  const { verdict, skipped, examples, traces } = await bench.verdict();
  expect(verdict, JSON.stringify(verdict.examples)).toMatchObject({ lost: 0, doubled: 0, strangers: 0 });
  expect(verdict.acked).toBeGreaterThan(0);
  expect({ skipped, examples, traces }).toEqual({ skipped: 0, examples: [], traces: [] });
}

describe.skipIf(process.platform === 'win32')('the only server', () => {
  const onOne = async (
    cases: Case,
    fault: (server: NatsServer) => Fault,
    retention?: 'interest' | 'workqueue',
  ): Promise<void> => {
    const server = await startNats();
    const bench = await openFaultBench([server.url], 1, retention);
    try {
      await through(bench, cases, async () => ({ fault: fault(server) }));
    } finally {
      await bench.stop();
      await server.stop();
    }
  };

  it('dies and comes back', { timeout: 600_000 }, () =>
    onOne(some(['window'], ['forward']), (server) => restart(server)),
  );

  it('dies and comes back, with streams of interest', { timeout: 600_000 }, () =>
    onOne(some(['take'], ['forward', 'back']), (server) => restart(server), 'interest'),
  );

  it.runIf(LONG)('dies and comes back, with work queues', { timeout: 600_000 }, () =>
    onOne({ stages: STAGES, ways: WAYS }, (server) => restart(server), 'workqueue'),
  );

  it('stands still for 3 s', { timeout: 600_000 }, () =>
    onOne(some(['take'], ['back']), (server) => pause(server, 3_000)),
  );

  it.runIf(LONG)('stands still for 12 s, longer than a lease lives', { timeout: 900_000 }, () =>
    onOne({ stages: STAGES, ways: ['forward'] }, (server) => pause(server, 12_000)),
  );

  it.runIf(LONG)('has a slow disk', { timeout: 900_000 }, () =>
    onOne({ stages: STAGES, ways: WAYS }, (server) => slow(server, 8_000)),
  );
});

/** Which server of a cluster it happens to. */
type Role = "the origin's leader" | "the target's leader" | 'the meta leader' | 'a follower';
type OnServer = (server: NatsServer, cluster: FaultCluster) => Fault;

async function serverIn(role: Role, cluster: FaultCluster, bench: Bench): Promise<NatsServer> {
  const [core, legacy] = await Promise.all(
    ['AA_CORE_HOT', 'ATHLETE_ALLY_EVENTS'].map((stream) => cluster.leaderOf(bench.account, stream)),
  );
  if (role === 'the meta leader') return cluster.metaLeader();
  const isForward = (await bench.account.stream('ATHLETE_ALLY_EVENTS'))!.config.subjects.length > 1;
  if (role === "the origin's leader") return isForward ? legacy! : core!;
  if (role === "the target's leader") return isForward ? core! : legacy!;
  const leaders = [core, legacy, cluster.metaLeader()];
  return (
    cluster.servers.find((server) => !leaders.includes(server)) ??
    cluster.servers.find((one) => one !== legacy)!
  );
}

describe.skipIf(process.platform === 'win32')('a server of three', () => {
  const onThree = async (
    cases: Case,
    role: Role,
    fault: OnServer,
    retention?: 'interest' | 'workqueue',
  ): Promise<void> => {
    const cluster = await startFaultCluster();
    const bench = await openFaultBench(cluster.urls, 3, retention);
    try {
      await through(bench, cases, async () => {
        await bench.calm();
        return { fault: fault(await serverIn(role, cluster, bench), cluster), what: role };
      });
    } finally {
      await bench.stop();
      await cluster.stop();
    }
  };
  const dies: OnServer = (server) => restart(server, 3_000);
  const isCutOff: OnServer = (server, cluster) => partition(cluster, server, 8_000);
  const standsStill: OnServer = (server) => pause(server, 6_000);

  it("the origin's leader dies", { timeout: 1_200_000 }, () =>
    onThree(some(['window'], ['forward']), "the origin's leader", dies),
  );
  it("the target's leader dies, of work queues", { timeout: 1_200_000 }, () =>
    onThree(some(['take'], ['forward', 'back']), "the target's leader", dies, 'workqueue'),
  );
  it("the target's leader dies, of streams of interest", { timeout: 1_200_000 }, () =>
    onThree(some(['take'], ['forward', 'back']), "the target's leader", dies, 'interest'),
  );
  it.runIf(LONG).each([
    ["the origin's leader", 'dies', dies],
    ['a follower', 'dies', dies],
    ["the target's leader", 'is cut off from the others', isCutOff],
    ['a follower', 'stands still for 6 s', standsStill],
  ] as const)('%s %s, of streams of interest', { timeout: 1_200_000 }, (role, _what, fault) =>
    onThree({ stages: STAGES, ways: WAYS }, role, fault, 'interest'),
  );
  it.runIf(LONG).each([
    ["the target's leader", 'dies', dies],
    ["the target's leader", 'is cut off from the others', isCutOff],
    ['the meta leader', 'dies', dies],
    ['a follower', 'dies', dies],
    ['the meta leader', 'is cut off from the others', isCutOff],
    ["the origin's leader", 'stands still for 6 s', standsStill],
  ] as const)('%s %s', { timeout: 1_200_000 }, (role, _what, fault) =>
    onThree({ stages: STAGES, ways: WAYS }, role, fault),
  );
});
