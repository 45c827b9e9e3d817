import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { messageOf, OpsError } from '@aa-ops/topology';
import { type CheckResult, runChecks, verifyChecks } from '../checks/index.ts';
import { formatAmount, formatMs } from '../render/numbers.ts';
import { DEFAULT_TIMEOUTS, type RunEnvironment } from '../runbook/context.ts';
import { migrate } from '../runbook/migrate.ts';
import type { RunOutcome } from '../runbook/outcome.ts';
import { rollBack } from '../runbook/rollBack.ts';
import { type DemoPlatform, startDemoPlatform } from './demoPlatform.ts';
import { type DemoTraffic, startDemoTraffic } from './demoTraffic.ts';
import { judgeDemo } from './judgeDemo.ts';
import type { DemoReport, DemoRun } from './report.ts';
import type { View } from './view.ts';

export interface DemoWishes {
  /** Messages a second, all publishers together. */
  ratePerSecond: number;
  /** Of quiet traffic before, between and behind the changes, ms. */
  quietMs: number;
  view: View;
  signal: AbortSignal;
  /** Called with the report while everything still runs; everything is taken down when it resolves. */
  onReport?(report: DemoReport, platform: DemoPlatform): Promise<void>;
}

/**
 * The whole system on this machine: traffic, `single` to `multi`, back, and again, then the ledger. Takes everything down
 * again, whatever happens. Throws what keeps it from coming to a ledger, `interrupted` among it; a migration that fails stands in the report.
 */
export async function runDemo(wishes: DemoWishes): Promise<DemoReport> {
  const { view, signal } = wishes;
  const begun = performance.now();
  let platform: DemoPlatform | undefined;
  let demo: DemoTraffic | undefined;
  try {
    platform = await view.stage('Start nats-server, PostgreSQL and four pods', () =>
      startDemoPlatform({ host: view.host, signal }),
    );
    demo = await startDemoTraffic(platform, wishes);
    const report = await changeUnderTraffic(platform, demo, wishes, begun);
    view.end();
    await wishes.onReport?.(report, platform);
    return report;
  } catch (error) {
    if (!signal.aborted) throw error;
    const message = 'interrupted; everything that the demo had started is taken down';
    throw new OpsError('interrupted', message, { kind: 'interrupted' });
  } finally {
    await demo?.unwatch();
    view.end();
    await Promise.allSettled([demo?.traffic.stop(), demo?.reader.close()]);
    await platform?.stop();
  }
}

const MIGRATE_OPTIONS = { leaveReaders: false, orphanSubjects: false, copy: 'unacked', autoRollback: false };

/** Changes the mode three times while the traffic runs; a change that fails is the last one. Then stops the traffic and judges. */
async function changeUnderTraffic(
  platform: DemoPlatform,
  demo: DemoTraffic,
  { view, signal, quietMs, ratePerSecond }: DemoWishes,
  begun: number,
): Promise<DemoReport> {
  const environment = environmentOf(platform, view, signal);
  const toMulti = () => migrate(environment, { to: 'multi', options: MIGRATE_OPTIONS });
  const there = { command: 'migrate', from: 'single', to: 'multi' } as const;
  const back = { command: 'rollback', from: 'multi', to: 'single' } as const;
  const changes: [title: string, change: Change, work: () => Promise<RunOutcome>][] = [
    ['Migrate single -> multi', there, toMulti],
    ['Roll back multi -> single', back, () => rollBack(environment)],
    ['Migrate single -> multi, again', there, toMulti],
  ];
  const runs: DemoRun[] = [];
  const verified: DemoReport['verified'] = [];

  const title = `Traffic: ${ratePerSecond} messages a second, real HRV values`;
  await view.stage(title, () => pause(quietMs, undefined, { signal }));
  for (const [name, change, work] of changes) {
    const run = await view.stage(name, () => asDemoRun(change, work, signal), describeRun);
    const mode = change.to;
    runs.push(run);
    if (run.problem !== undefined) break;
    const checks = await view.stage(
      `Verify ${mode}`,
      () => verifyMode(environment, mode),
      (results) => `${greens(results)} of ${results.length} checks green`,
    );
    verified.push({ mode, green: greens(checks), checks });
    await pause(quietMs, undefined, { signal });
  }
  return view.stage('Stop the traffic and judge every message', async () => {
    await demo.traffic.stop();
    const report = await judgeDemo(platform, demo, { ratePerSecond, begun, runs, verified }, signal);
    await demo.unwatch();
    return report;
  });
}

const environmentOf = (platform: DemoPlatform, view: View, signal: AbortSignal): RunEnvironment => ({
  topology: platform.topology,
  settings: platform.settings,
  account: platform.account,
  platform: platform.local.platform,
  host: view.host,
  signal,
  runsDir: join(platform.dir, 'runs'),
  timeouts: DEFAULT_TIMEOUTS,
});

type Change = Pick<DemoRun, 'command' | 'from' | 'to'>;

/** A change that is refused or fails is part of the report: what was acked must be there all the same. */
async function asDemoRun(
  change: Change,
  work: () => Promise<RunOutcome>,
  signal: AbortSignal,
): Promise<DemoRun> {
  const begun = performance.now();
  const ms = (): number => Math.round(performance.now() - begun);
  try {
    const { json, error, exitCode } = await work();
    const { run, result, handovers, shortcomings } = json;
    const why = error?.message ?? shortcomings.join('; ');
    const problem = exitCode === 0 ? {} : { problem: why || `exit code ${exitCode}` };
    return { ...change, run, result, handovers, ms: ms(), ...problem };
  } catch (error) {
    if (signal.aborted) throw error;
    return { ...change, run: null, result: 'failed', handovers: [], ms: ms(), problem: messageOf(error) };
  }
}

/** The handovers of one group share a window. */
const describeRun = ({ handovers, problem }: DemoRun): string => {
  const sum = (pick: (handover: DemoRun['handovers'][number]) => number): number =>
    handovers.reduce((total, handover) => total + pick(handover), 0);
  const windows = [...new Set(handovers.map(({ windowMs }) => formatMs(windowMs)))].join(', ');
  const held = formatAmount(
    sum((it) => it.held),
    'publish',
    'publishes',
  );
  const copied = formatAmount(
    sum((it) => it.copied),
    'message',
  );
  return problem ?? `nobody owned the subjects for ${windows}; ${held} held, ${copied} copied`;
};

const greens = (checks: readonly CheckResult[]): number =>
  checks.filter(({ level }) => level === 'green').length;

const verifyMode = (environment: RunEnvironment, mode: string): Promise<CheckResult[]> =>
  runChecks(verifyChecks, {
    ...environment,
    mode,
    ownedIn: mode,
    timeoutMs: environment.timeouts.checksMs,
  });
