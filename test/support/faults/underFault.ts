import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type ConnectSettings,
  DEFAULT_PATIENCE_MS,
  type JetStreamWriter,
  type Notice,
  openWriter,
  OpsError,
  patient,
  readLive,
  readMode,
  type Topology,
} from '@aa-ops/topology';
import { nonePlatform } from '../../../cli/src/platform/platform.ts';
import { DEFAULT_TIMEOUTS, type RunEnvironment } from '../../../cli/src/runbook/context.ts';
import { migrate, resume } from '../../../cli/src/runbook/migrate.ts';
import type { RunOutcome } from '../../../cli/src/runbook/outcome.ts';
import { rollBack } from '../../../cli/src/runbook/rollBack.ts';
import { judge, judgeWorked, type Verdict, WorkRecord } from '../../../cli/src/traffic/index.ts';
import { startCarelessWorker } from '../carelessWorker.ts';
import { type Met, startWatchedTraffic } from '../crash/watchedTraffic.ts';
import { applyTopology, OPTIONS } from '../runs.ts';
import { claimedTopology, seedTopology } from '../topologies.ts';
import { tracesOf } from '../traces.ts';
import { atStage, type Stage } from './stages.ts';

export type Way = 'forward' | 'back';

/** Something happens to the servers; `heal` puts it right, some time later. */
export interface Fault {
  name: string;
  begin(account: JetStreamWriter, topology: Topology): Promise<void>;
  heal(): Promise<void>;
  /** ms between the two. */
  lastsMs: number;
}

/** How a run under a fault ended, before and after somebody helped. */
export interface UnderFault extends Met {
  fault: string;
  stage: Stage;
  way: Way;
  /** `done`: by itself · `taken back`: by itself, nothing has changed hands · `helped`: --resume or rollback ended it. */
  ended: 'done' | 'taken back' | 'helped';
  /** What it stopped with, where it did. */
  reason?: string;
  ms: number;
}

export interface Bench {
  account: JetStreamWriter;
  topology: Topology;
  /** Runs one way, with a fault in one stage, and has it ended whatever it comes to. Throws what cannot be ended. */
  run(fault: Fault, stage: Stage, way: Way): Promise<UnderFault>;
  /** Resolves once every replica of every stream is there and has caught up. */
  calm(): Promise<void>;
  /** Traffic stops; what the ledger says, and what is left of all handovers. */
  verdict(): Promise<{ verdict: Verdict; skipped: number; examples: string[]; traces: string[] }>;
  stop(): Promise<void>;
}

const SUBJECTS = ['athlete-ally.hrv.raw-received', 'sleep.scored', 'vendor.oura.webhook'];
const DURABLE = 'normalize-hrv-durable';
const MAX_ATTEMPTS = 3;

/** Publishers, a consumer and a topology on given servers, to be migrated while something happens to those. */
export async function openFaultBench(
  servers: string[],
  replicas: number,
  retention: 'limits' | 'interest' | 'workqueue' = 'limits',
): Promise<Bench> {
  const seed = retention === 'limits' ? seedTopology : claimedTopology(retention);
  const topology: Topology = { ...seed, environment: { ...seed.environment, replicas } };
  const settings: ConnectSettings = { servers };
  const runsDir = mkdtempSync(join(tmpdir(), 'aa-faults-'));
  const account = await openWriter(settings);
  const patiently = patient(account, { forMs: DEFAULT_PATIENCE_MS }); // the cluster may still be finding its leaders
  await applyTopology(account, topology);
  const publisher = { timeoutMs: 5_000, subjects: SUBJECTS };
  const traffic = await startWatchedTraffic(settings, [
    { ...publisher, name: 'ids', kind: 'pipelined', inFlight: 8, msgId: true, ratePerSecond: 80 },
    { ...publisher, name: 'bare', kind: 'pipelined', inFlight: 8, msgId: false, ratePerSecond: 80 },
    { ...publisher, name: 'waiting', kind: 'waiting', msgId: false, ratePerSecond: 50 },
  ]);
  const record = new WorkRecord(traffic.ledger);
  const worker = await startCarelessWorker(settings, topology, DURABLE, 'single', record);
  const notices: Notice[] = [];
  const environment: RunEnvironment = {
    topology,
    settings,
    account,
    platform: nonePlatform,
    host: { notify: (notice) => void notices.push(notice) },
    signal: new AbortController().signal,
    runsDir,
    timeouts: DEFAULT_TIMEOUTS,
  };
  const modeNow = async (): Promise<string> => readMode(topology, await readLive(patiently, topology)).live;
  const go = (way: Way, on: RunEnvironment): Promise<RunOutcome> =>
    way === 'forward' ? migrate(on, { to: 'multi', options: OPTIONS }) : rollBack(on);

  return {
    account,
    topology,
    async run(fault, stage, way) {
      const from = way === 'forward' ? 'single' : 'multi';
      const to = way === 'forward' ? 'multi' : 'single';
      if ((await modeNow()) !== from) {
        expectEnded(await go(way === 'forward' ? 'back' : 'forward', environment));
        worker.follow(from);
      }
      notices.length = 0;
      traffic.met();
      const begun = performance.now();
      let healed: Promise<void> | undefined;
      let first: unknown;
      // A cluster that has just been put right may have a run taken back before it gets to the stage: once more then.
      for (let attempt = 1; !healed; attempt++) {
        if (attempt > 1) await endWhatIsOpen(environment, first, way);
        if (attempt > MAX_ATTEMPTS) throw new Error(`the runs end before ${stage}: ${describe(first)}`);
        const faulty = atStage(account, stage, async () => {
          await fault.begin(account, topology);
          healed = delay(fault.lastsMs).then(() => fault.heal());
        });
        first = await go(way, { ...environment, account: faulty }).catch((error: unknown) => error);
      }
      await healed;
      const ended = await endWhatIsOpen(environment, first, way);
      const mode = await modeNow();
      worker.follow(mode);
      if (mode !== (ended.ended === 'taken back' ? from : to))
        throw new Error(`${ended.ended}, and the mode is ${mode}`);
      const traces = await tracesOf(patiently, topology);
      if (traces.length > 0) throw new Error(`left behind: ${traces.join('; ')}`);
      return { fault: fault.name, stage, way, ...ended, ms: performance.now() - begun, ...traffic.met() };
    },
    async calm() {
      for (const deadline = Date.now() + 60_000; ; await delay(100)) {
        const infos = await account.listStreams().catch(() => []);
        const isCalm = infos.every(
          ({ cluster, config }) =>
            (config.num_replicas ?? 1) === 1 ||
            (cluster?.leader && cluster.replicas?.every(({ current, offline }) => current && !offline)),
        );
        if (infos.length > 0 && isCalm) return;
        if (Date.now() > deadline) throw new Error(`no calm: ${JSON.stringify(infos.map((i) => i.cluster))}`);
      }
    },
    async verdict() {
      await traffic.stop();
      await worker.finish();
      const dropped = retention === 'limits' ? [] : [SUBJECTS[0]!]; // nobody works what else is claimed: each of it is counted
      const verdict = await judge(account, traffic.ledger, {
        streams: Object.keys(topology.streams),
        dropped,
      });
      const { skipped, examples } = judgeWorked(traffic.ledger, record, [SUBJECTS[0]!]);
      return { verdict, skipped, examples, traces: await tracesOf(account, topology) };
    },
    async stop() {
      await traffic.stop();
      await account.close();
      rmSync(runsDir, { recursive: true, force: true });
    },
  };

  async function endWhatIsOpen(
    on: RunEnvironment,
    first: unknown,
    way: Way,
  ): Promise<Pick<UnderFault, 'ended' | 'reason'>> {
    if (!(first instanceof Error)) {
      const outcome = first as RunOutcome;
      if (outcome.exitCode === 0) return { ended: 'done' };
      const reason = outcome.error?.message ?? 'no reason';
      if (outcome.exitCode === 1 && outcome.json.result === 'rolled-back')
        return { ended: 'taken back', reason };
      if (outcome.exitCode !== 4) throw new Error(`it ended with ${outcome.exitCode}: ${reason}`);
    } else if (!(first instanceof OpsError)) throw first;
    const reason =
      first instanceof Error
        ? `${(first as OpsError).code}: ${first.message}`
        : (first as RunOutcome).error!.message;
    const outcome = way === 'forward' ? await resume(on) : await rollBack(on);
    if (outcome.exitCode === 1 && outcome.json.result === 'rolled-back')
      return { ended: 'taken back', reason };
    if (outcome.json.result === 'unchanged') return { ended: 'taken back', reason };
    if (outcome.exitCode !== 0) {
      const { message, details } = outcome.error ?? { message: JSON.stringify(outcome.json), details: {} };
      throw new Error(`${reason}; then: ${message} ${JSON.stringify(details)}`);
    }
    return {
      ended: outcome.json.to === (way === 'forward' ? 'multi' : 'single') ? 'helped' : 'taken back',
      reason,
    };
  }
}

const describe = (ended: unknown): string =>
  ended instanceof Error ? ended.message : ((ended as RunOutcome).error?.message ?? JSON.stringify(ended));

function expectEnded(outcome: RunOutcome): void {
  if (outcome.exitCode !== 0) throw outcome.error ?? new Error(JSON.stringify(outcome.json));
}
