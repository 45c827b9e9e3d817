/**
 * How long nobody owns the subjects: `npm run bench:handover [-- CYCLES [REPLICAS [RATE]]]`. Migrates Athlete Ally's topology and back
 * under four publishers with 16 publishes in flight each and two that wait for every ack, in a process of their own, and prints the windows.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  applyPlan,
  type JetStreamWriter,
  makePlan,
  openWriter,
  silentHost,
  type Topology,
} from '@aa-ops/topology';
import { nonePlatform } from '../../cli/src/platform/platform.ts';
import { DEFAULT_TIMEOUTS, type RunEnvironment } from '../../cli/src/runbook/context.ts';
import { migrate } from '../../cli/src/runbook/migrate.ts';
import { rollBack } from '../../cli/src/runbook/rollBack.ts';
import { startNats, startNatsCluster } from '../../test/support/servers.ts';
import type { PublisherSpec } from '../../cli/src/traffic/index.ts';
import { seedTopology } from '../../test/support/topologies.ts';
import { startPublishers } from './publishers.ts';

const cycles = Number(process.argv[2] ?? 5);
const replicas = Number(process.argv[3] ?? 1);
/** Publishes a second of each pipelined publisher. */
const rate = Number(process.argv[4] ?? 500);

/** Publishes before the first migration, and ms between two looks at them. */
const BEFORE = 10_000;
const POLL_MS = 100;

const subjects = ['athlete-ally.hrv.raw-received', 'sleep.scored', 'vendor.oura.webhook'];
const publishers: PublisherSpec[] = [
  ...[1, 2, 3, 4].map((n) => ({
    name: `pipelined-${n}`,
    kind: 'pipelined' as const,
    inFlight: 16,
    msgId: n % 2 === 0,
    ratePerSecond: rate,
    subjects,
  })),
  ...[1, 2].map((n) => ({
    name: `waiting-${n}`,
    kind: 'waiting' as const,
    msgId: n % 2 === 0,
    ratePerSecond: 100,
    subjects,
  })),
];

const quantile = (values: number[], q: number): number =>
  values.toSorted((a, b) => a - b)[Math.floor(q * (values.length - 1))]!;

const nearest = (spans: readonly { from: number }[], at: number): number =>
  spans.map(({ from }) => at - from).toSorted((a, b) => Math.abs(a) - Math.abs(b))[0]!;
/** ms since 1970, as the publishers' process tells it. */
const now = (): number => performance.timeOrigin + performance.now();
const round = (ms: number): number => Math.round(ms * 10) / 10;

const topology: Topology = { ...seedTopology, environment: { ...seedTopology.environment, replicas } };
const cluster = replicas > 1 ? await startNatsCluster(replicas) : undefined;
const server = cluster ? undefined : await startNats();
const settings = { servers: cluster?.urls ?? [server!.url] };
const account = await openWriter(settings);
await applyPlan(account, await makePlan(account, topology), { host: silentHost, allowDestructive: false });
/** Of the handover at work: from asking for the first release to the answer to the last take. What comes behind it hears the barriers as well. */
let window = { from: Infinity, to: 0 };
let taken = new Set<string>();
const watched: JetStreamWriter = {
  ...account,
  get server() {
    return account.server;
  },
  async updateStream(config) {
    const asked = now();
    const info = await account.updateStream(config);
    const hears = (part: string): boolean => (config.subjects ?? []).some((it) => it.includes(part));
    if (hears('_aa-ops.epoch.')) window.from = Math.min(window.from, asked);
    if (hears('_aa-ops.barrier.') && !taken.has(config.name)) {
      taken.add(config.name);
      window.to = now();
    }
    return info;
  },
};
const environment: RunEnvironment = {
  topology,
  settings,
  account: watched,
  platform: nonePlatform,
  host: silentHost,
  signal: new AbortController().signal,
  runsDir: mkdtempSync(join(tmpdir(), 'aa-bench-')),
  timeouts: DEFAULT_TIMEOUTS,
};
const traffic = await startPublishers(settings, publishers);
/** How long those waited that came while nothing was handed over at all, on the same machine. */
const alone: number[] = [];
while (alone.length < BEFORE) {
  await delay(POLL_MS);
  alone.push(...(await traffic.stored()).map(({ sentAt, answeredAt }) => answeredAt - sentAt));
}
const windows: number[] = [];
/** Of each publish that met a window: how long it has waited, less that window. */
const beyond: number[] = [];
/** The longest of them, of each handover. */
const longest: number[] = [];
/** How long those waited that met none: copies and comparisons are at work meanwhile. */
const otherwise: number[] = [];
const options = { leaveReaders: false, orphanSubjects: false, copy: 'unacked', autoRollback: false };
const all: { from: number; to: number }[] = [];
let held = 0;
for (let cycle = 0; cycle < cycles; cycle++) {
  for (const go of [() => migrate(environment, { to: 'multi', options }), () => rollBack(environment)]) {
    await traffic.stored();
    window = { from: Infinity, to: 0 };
    taken = new Set();
    const outcome = await go();
    if (outcome.exitCode !== 0) throw outcome.error ?? new Error(JSON.stringify(outcome.json));
    const { windowMs } = outcome.json.handovers[0]!;
    windows.push(windowMs);
    all.push({ ...window });
    const met: number[] = [];
    for (const { sentAt, answeredAt } of await traffic.stored()) {
      const hasMet = sentAt < window.to && answeredAt > window.from;
      if (hasMet) met.push(answeredAt - sentAt - windowMs);
      else otherwise.push(answeredAt - sentAt);
    }
    beyond.push(...met);
    longest.push(Math.max(0, ...met));
    held += outcome.json.handovers.reduce((sum, handover) => sum + handover.held, 0);
  }
}
const { verdict, unanswered } = await traffic.stop({
  streams: Object.keys(topology.streams),
  holders: Object.keys(topology.modes.single!.subjects),
});
const result = {
  server: account.server.version,
  replicas,
  ratePerSecond: rate,
  handovers: windows.length,
  windowMs: {
    min: Math.min(...windows),
    median: quantile(windows, 0.5),
    p90: quantile(windows, 0.9),
    max: Math.max(...windows),
  },
  metWindow: beyond.length,
  waitBeyondWindowMs: {
    p50: quantile(beyond, 0.5),
    p99: quantile(beyond, 0.99),
    max: Math.max(...beyond),
  },
  longestBeyondWindowMs: {
    median: quantile(longest, 0.5),
    p90: quantile(longest, 0.9),
    max: Math.max(...longest),
  },
  waitWithoutWindowMs: { p50: quantile(otherwise, 0.5), p99: quantile(otherwise, 0.99) },
  waitBeforeMs: { p50: quantile(alone, 0.5), p99: quantile(alone, 0.99) },
  held,
  publishes: verdict.sent,
  publishLatencyMs: verdict.latencyMs,
  longestWaitMs: verdict.longestWaitMs,
  lost: verdict.lost,
  doubled: verdict.doubled,
  refused: verdict.refused,
  unanswered: verdict.unanswered,
  /** ms from the nearest window's beginning to when they were sent. */
  unansweredSent: unanswered.map((sentAt) => round(nearest(all, sentAt))),
  storedUnanswered: verdict.storedUnacked,
  errors: verdict.errors,
  outOfOrderWaiting: verdict.outOfOrderWaiting,
  outOfOrderPipelined: verdict.outOfOrderPipelined,
};
console.log(JSON.stringify(result, null, 2));
await account.close();
await (cluster ?? server)!.stop();
rmSync(environment.runsDir, { recursive: true, force: true });
process.exit(0);
