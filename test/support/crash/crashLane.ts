import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type ConnectSettings,
  loadTopology,
  openWriter,
  readLive,
  readMode,
  type Topology,
} from '@aa-ops/topology';
import type { RunDocument } from '../../../cli/src/saga/runDocument.ts';
import { StateReader } from '../../../cli/src/saga/stateStore.ts';
import { freePort, startNats } from '../../../cli/src/servers/index.ts';
import { judge, judgeWorked, WorkRecord } from '../../../cli/src/traffic/index.ts';
import { startCarelessWorker } from '../carelessWorker.ts';
import { aaOps, type CliOptions, type CliResult } from '../cli.ts';
import type { Random } from '../random.ts';
import { applyTopology } from '../runs.ts';
import { tracesOf } from '../traces.ts';
import { killBehind } from './killBehind.ts';
import { describeKill, hasOwner, killAsPlanned, type KillPlan, planKill } from './kill.ts';
import { type Met, startWatchedTraffic } from './watchedTraffic.ts';

/** What is migrated in a lane: a topology with the modes `single` and `multi`. */
export interface Scene {
  file: string;
  /** Published all the time; each of them moves. */
  subjects: readonly string[];
  /** Its streams drop what every durable has acked: then what was worked is no loss, and each subject is worked by one. */
  dropsWorked?: true;
  /** Durables that nobody works: what they claim stays, and every message of it is counted. */
  idle?: readonly string[];
}

const file = (name: string): string => fileURLToPath(new URL(`../${name}`, import.meta.url));

/** One stream into two. */
export const SEED: Scene = {
  file: file('seed-topology.yaml'),
  subjects: ['athlete-ally.hrv.raw-received', 'sleep.scored', 'vendor.oura.webhook'],
};

/** Subjects that go round between three streams, in two rounds. */
export const CIRCLE: Scene = {
  file: file('circle-topology.yaml'),
  subjects: ['athlete-ally.hrv.raw-received', 'sleep.scored', 'vendor.oura.webhook', 'vendor.garmin.webhook'],
};

/** One stream into two, of retention interest. */
export const INTEREST: Scene = { ...SEED, file: file('interest-topology.yaml'), dropsWorked: true };

/** One stream into two, all of them work queues. */
export const QUEUE: Scene = {
  ...SEED,
  file: file('queue-topology.yaml'),
  dropsWorked: true,
  idle: ['vendor'],
};

/** One run that was killed, how it was ended, and what publishers met meanwhile. */
export interface Crash extends Met {
  start: string;
  kill: string;
  at: KillPlan['at'];
  /** Nobody owned a subject when it was dead. */
  inWindow: boolean;
  guardian: 'none' | 'alive' | 'killed';
  ending: string;
}

export interface LaneOptions {
  scene: Scene;
  kills: number;
  random: Random;
  /** How often, of the kills that meet one, the guardian is killed as well. */
  guardianToo: number;
  /** How often a run is ended under another machine's name, which has to wait until the lease is seen to be dead. */
  otherMachine: number;
}

/** What was wrong after a crash, in words that say how to make it happen again. Empty: nothing. */
export interface LaneResult {
  crashes: Crash[];
  faults: string[];
  acked: number;
  worked: number;
}

/**
 * A server, publishers and a consumer at work, and a topology that is migrated and turned back again and again by runs that
 * are killed: each is ended by `--resume` or `rollback`, sometimes by another operator, from another machine.
 */
export async function runCrashLane(options: LaneOptions): Promise<LaneResult> {
  const { random, scene } = options;
  const subjects = [...scene.subjects];
  const cwd = mkdtempSync(join(tmpdir(), 'aa-crash-'));
  const monitorPort = await freePort();
  const server = await startNats({
    config: `http: "127.0.0.1:${monitorPort}"
      accounts { A { jetstream: enabled, users: [ { user: ann, password: a }, { user: bob, password: b } ] } }`,
  });
  const monitor = `http://127.0.0.1:${monitorPort}`;
  const settings: ConnectSettings = { servers: [server.url], user: 'ann', password: 'a' };
  const topology = await loadTopology(scene.file, 'test');
  const account = await openWriter(settings);
  await applyTopology(account, topology);
  // A publisher whose hold has died gives up after this time; with a guardian alive none has to.
  const timeoutMs = options.guardianToo > 0 ? 2_000 : 20_000;
  const publisher = { timeoutMs, subjects };
  const traffic = await startWatchedTraffic(settings, [
    { ...publisher, name: 'ids', kind: 'pipelined', inFlight: 8, msgId: true, ratePerSecond: 80 },
    { ...publisher, name: 'bare', kind: 'pipelined', inFlight: 8, msgId: false, ratePerSecond: 80 },
    { ...publisher, name: 'waiting', kind: 'waiting', msgId: true, ratePerSecond: 50 },
    { ...publisher, name: 'waiting-bare', kind: 'waiting', msgId: false, ratePerSecond: 50 },
  ]);
  const atWork = Object.keys(topology.consumers).filter((durable) => !scene.idle?.includes(durable));
  const workers = await Promise.all(
    atWork.map(async (durable) => {
      const record = new WorkRecord(traffic.ledger);
      const worker = await startCarelessWorker(settings, topology, durable, 'single', record);
      return { durable, record, worker };
    }),
  );
  const state = new StateReader(account, topology.name);

  const run = (args: string[], user: 'ann' | 'bob', more: CliOptions = {}): Promise<CliResult> => {
    const url = server.url.replace('//', `//${user}:${user[0]}@`);
    const all = ['--topology', scene.file, '--env', 'test', '--server', url, '--yes', '--output', 'json'];
    return aaOps([...args, ...all, '--progress', 'ndjson'], { cwd, ...more });
  };
  const modeNow = async (): Promise<string> => readMode(topology, await readLive(account, topology)).live;

  const crashes: Crash[] = [];
  const faults: string[] = [];
  let entry = 0;
  let mode = 'single';

  /** Starts a run that is killed; undefined where it was faster than its killer. */
  const crash = async (): Promise<Omit<Crash, keyof Met | 'ending'> | undefined> => {
    const start =
      mode === 'single'
        ? ['migrate', '--to', 'multi']
        : random.pick([['rollback'], ['migrate', '--to', 'single']]);
    const plan = planKill(random, entry + 1);
    const guardianToo = plan.at !== 'entry' && random.chance(options.guardianToo);
    const subject = random.pick(subjects);
    const killer = killAsPlanned(plan, { account, subject, guardianToo });
    const killed = await run(start, random.pick(['ann', 'bob']), {
      onProgress: killer.onProgress,
      ...(plan.at === 'entry' ? { env: killBehind('entry', plan.entry) } : {}),
    });
    const died = killed.signal === 'SIGKILL';
    if (plan.at === 'entry') entry = died ? plan.entry : 0;
    if (!died && killed.code !== 0)
      faults.push(`${start.join(' ')} ended with ${killed.code}: ${killed.stderr}`);
    if (!died) return undefined;
    const owned = await Promise.all(subjects.map((it) => hasOwner(account, it)));
    const inWindow = owned.includes(false);
    const guardian = killer.guardians() > 0 ? 'killed' : plan.at === 'window' || inWindow ? 'alive' : 'none';
    return { start: start.join(' '), kill: describeKill(plan), at: plan.at, inWindow, guardian };
  };

  /** Ends what a killed run has left; answers how, and where that had to lead. */
  const end = async (what: string): Promise<{ ending: string; expected: string | undefined }> => {
    const open = await state.openRun();
    const ending = random.chance(0.6) ? ['migrate', '--resume'] : ['rollback'];
    const elsewhere = random.chance(options.otherMachine) && canBeElsewhere();
    const by = `${ending.join(' ')}${elsewhere ? ' from another machine' : ''}`;
    const result = await run(ending, 'bob', elsewhere ? { through: OTHER_MACHINE } : {});
    if (result.code !== 0)
      faults.push(`${what}; ${by} ended with ${result.code}: ${result.stdout}${result.stderr}`);
    return { ending: by, expected: whereTo(open, ending[0] === 'rollback') };
  };

  try {
    while (crashes.length < options.kills && faults.length === 0) {
      traffic.met();
      const crashed = await crash();
      if (crashed) {
        const what = `${crashed.start} killed ${crashed.kill}${crashed.guardian === 'killed' ? ' with its guardian' : ''}`;
        const { ending, expected } = await end(what);
        if (expected !== undefined && (await modeNow()) !== expected)
          faults.push(`${what}, ${ending}: the mode is ${await modeNow()}, not ${expected}`);
        // A guardian that had nothing to do leaves a moment after its parent.
        const traces = await untilNone(() => tracesOf(account, topology, monitor));
        if (traces.length > 0) faults.push(`${what}, ${ending} left: ${traces.join('; ')}`);
        crashes.push({ ...crashed, ending, ...traffic.met() });
      }
      mode = await modeNow();
      for (const { worker } of workers) worker.follow(mode);
    }
    await traffic.stop();
    await Promise.all(workers.map(({ worker }) => worker.finish()));
    const streams = Object.keys(topology.streams);
    const read = atWork.flatMap((durable) => topology.consumers[durable]!.filter_subjects!);
    const verdict = await judge(account, traffic.ledger, {
      streams,
      holders: holdersIn(topology, mode),
      ...(scene.dropsWorked ? { dropped: read } : {}),
    });
    const { lost, doubled, strangers, outOfOrderWaiting, refused, unanswered } = verdict;
    if (lost + doubled + strangers > 0)
      faults.push(
        `lost ${lost}, doubled ${doubled}, strangers ${strangers}: ${JSON.stringify(verdict.examples)}`,
      );
    for (const name of holdersIn(topology, mode)) {
      const { retention: wanted = 'limits' } = topology.streams[name]!;
      const { retention } = (await account.stream(name))!.config;
      if (retention !== wanted) faults.push(`${name} has retention ${retention}, not ${wanted}`);
    }
    let worked = 0;
    for (const { durable, record } of workers) {
      const judged = judgeWorked(traffic.ledger, record, topology.consumers[durable]!.filter_subjects!);
      if (judged.skipped > 0)
        faults.push(`${durable} skipped ${judged.skipped}: ${judged.examples.join(', ')}`);
      worked += judged.worked;
    }
    if (options.guardianToo === 0 && refused + unanswered + outOfOrderWaiting > 0)
      faults.push(
        `refused ${refused}, unanswered ${unanswered}, out of order ${outOfOrderWaiting}, all with a guardian alive: ${JSON.stringify(verdict.errors)}`,
      );
    return { crashes, faults, acked: verdict.acked, worked };
  } finally {
    await traffic.stop();
    await account.close();
    await server.stop();
    rmSync(cwd, { recursive: true, force: true });
  }
}

/** Where an open run has to end; undefined where it is the last finished one that decides, or nothing was begun. */
const whereTo = (open: RunDocument | undefined, back: boolean): string | undefined => {
  if (!open) return undefined;
  if (open.command === 'rollback') return open.to;
  return back || open.undoing ? open.from : open.to;
};

const holdersIn = (topology: Topology, mode: string): string[] => Object.keys(topology.modes[mode]!.subjects);

async function untilNone(look: () => Promise<string[]>): Promise<string[]> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    const found = await look();
    if (found.length === 0 || Date.now() > deadline) return found;
    await delay(100);
  }
}

/** A host name of its own, which takes root and Linux: a lease and a claim of another machine cannot be looked up by their pid. */
const OTHER_MACHINE = ['unshare', '--uts', 'sh', '-c', 'hostname aa-other && exec "$@"', 'sh'] as const;
const canBeElsewhere = (): boolean => process.platform === 'linux' && process.getuid?.() === 0;
