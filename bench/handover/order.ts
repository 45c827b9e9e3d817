/**
 * Two ways of letting go what was held, side by side: `npx tsx bench/handover/order.ts [ROUNDS [REPLICAS]]`.
 * `after`: once the target has taken, as the engine does it. `before`: once everything is drained, through a private
 * subject of the target whose prefix a stream-level transform takes away, and only then the target takes. Handovers of
 * one subject tree from one stream to another and back, turn about, under four publishers with 16 in flight each and two that wait.
 */
import { randomUUID } from 'node:crypto';
import {
  catchUp,
  handOver,
  type HandoverContext,
  type JetStreamWriter,
  openWriter,
  planHandovers,
  prepareGroup,
  emptyMemory,
  type PreparedGroup,
  settleWindow,
  silentHost,
  startCopies,
  type StreamConfig,
} from '@aa-ops/topology';
import { startNats, startNatsCluster } from '../../test/support/servers.ts';
import { judge, type PublisherSpec, startTraffic } from '../../cli/src/traffic/index.ts';
import { type Handed, letGoBefore } from './letGoBefore.ts';

const rounds = Number(process.argv[2] ?? 10);
const replicas = Number(process.argv[3] ?? 1);
const subjects = ['x.a', 'x.b', 'x.c'];
const publishers: PublisherSpec[] = [
  ...[1, 2, 3, 4].map((n) => ({
    name: `pipelined-${n}`,
    kind: 'pipelined' as const,
    inFlight: 16,
    msgId: n % 2 === 0,
    ratePerSecond: 1_000,
    subjects,
  })),
  ...[1, 2].map((n) => ({
    name: `waiting-${n}`,
    kind: 'waiting' as const,
    msgId: false,
    ratePerSecond: 200,
    subjects,
  })),
];

const quantile = (values: number[], q: number): number =>
  values.toSorted((a, b) => a - b)[Math.floor(q * (values.length - 1))]!;

const cluster = replicas > 1 ? await startNatsCluster(replicas) : undefined;
const server = cluster ? undefined : await startNats();
const settings = { servers: cluster?.urls ?? [server!.url] };
const account = await openWriter(settings);
const context: HandoverContext = {
  account,
  host: silentHost,
  journal: { effect: (_name, _data, work) => work() },
  signal: new AbortController().signal,
};
const closed = (stream: string): string[] => [`_aa-ops.closed.${stream}`];
const make = (name: string, own: string[]): Promise<unknown> =>
  account.createStream({ name, subjects: own, storage: 'file', num_replicas: replicas } as StreamConfig);

async function prepared(from: string, to: string): Promise<{ run: string; group: PreparedGroup }> {
  const run = randomUUID().slice(0, 8);
  const [planned] = planHandovers(
    { [from]: ['x.>'], [to]: closed(to) },
    { [from]: closed(from), [to]: ['x.>'] },
  );
  const { group } = await prepareGroup(account, planned!, {
    run,
    memory: emptyMemory(),
    movers: [],
    copyFrom: 'unacked',
  });
  await startCopies(context, group.copies);
  for (const copy of group.copies) await catchUp(context, copy, { timeoutMs: 60_000 });
  return { run, group };
}

async function letGoAfter(_account: JetStreamWriter, run: string, group: PreparedGroup): Promise<Handed> {
  const { spec, window, letGo } = await handOver(context, settings, group, { run, attempt: 1 });
  if (window.outcome !== 'taken') throw new Error(window.reason);
  await settleWindow(context, spec, window.sentinels);
  return { windowMs: window.windowMs, held: letGo[0]!.held };
}

const ways = {
  after: letGoAfter,
  before: (a: JetStreamWriter, run: string, group: PreparedGroup) =>
    letGoBefore(context, settings, run, group, a),
};
const results: Record<string, unknown> = {};
for (const [way, go] of Object.entries(ways)) {
  const [one, other] = [`${way.toUpperCase()}_1`, `${way.toUpperCase()}_2`];
  await make(one, ['x.>']);
  await make(other, closed(other));
  const windows: number[] = [];
  let held = 0;
  const traffic = await startTraffic(settings, publishers);
  for (let round = 0; round < rounds; round++) {
    const [from, to] = round % 2 === 0 ? [one, other] : [other, one];
    const { run, group } = await prepared(from, to);
    const handed = await go(account, run, group);
    windows.push(handed.windowMs);
    held += handed.held;
  }
  await traffic.stop();
  const verdict = await judge(account, traffic.ledger, { streams: [one, other] });
  results[way] = {
    handovers: rounds,
    windowMs: { median: quantile(windows, 0.5), p90: quantile(windows, 0.9), max: Math.max(...windows) },
    held,
    publishes: verdict.sent,
    latencyMs: verdict.latencyMs,
    longestWaitMs: verdict.longestWaitMs,
    lost: verdict.lost,
    doubled: verdict.doubled,
    refused: verdict.refused,
    outOfOrderWaiting: verdict.outOfOrderWaiting,
    outOfOrderPipelined: verdict.outOfOrderPipelined,
  };
  for (const name of [one, other]) await account.deleteStream(name);
}
console.log(JSON.stringify({ server: account.server.version, replicas, ...results }, null, 2));
await account.close();
await (cluster ?? server)!.stop();
process.exit(0);
