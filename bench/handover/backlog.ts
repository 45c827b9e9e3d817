/**
 * Handovers with a backlog: `npx tsx bench/handover/backlog.ts [MESSAGES [PART,PART]]` (default 500,000 and all;
 * needs `npm run build`). Prints as one JSON document:
 *   rollback  a way back with 100,000 messages to hand back, under four publishers in a process of their own (JetStream part: no pods)
 *   catchUp   messages a second of a bare source, and of a copy from its start until it is known to have caught up, in turns; and of a bare source
 *             whose stream recognises no message ids: a stream that is made with a source has no duplicate window unless it is given one
 *   memory    the highest resident size of the built command that migrates with `--copy all`, proof with payloads included
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  catchUp,
  type Copy,
  dropCopies,
  type HandoverContext,
  type JetStreamWriter,
  type MsgHdrs,
  newHeaders,
  openWriter,
  silentHost,
  startCopies,
  type StreamConfig,
} from '@aa-ops/topology';
import { migrate } from '../../cli/src/runbook/migrate.ts';
import { rollBack } from '../../cli/src/runbook/rollBack.ts';
import { startNats } from '../../cli/src/servers/index.ts';
import { OPTIONS, startRun } from '../../test/support/runs.ts';
import { seedTopology } from '../../test/support/topologies.ts';
import { median } from '../median.ts';
import { startPublishers } from './publishers.ts';

const backlog = Number(process.argv[2] ?? 500_000);
const HAND_BACK = 100_000;
/** nats-server's default for a stream that hears subjects, ns. */
const DUPLICATE_WINDOW = 120_000_000_000;
/** Even: whoever comes second copies while the server still deletes what the first one made. */
const TURNS = 6;
/** An HRV event is about as large. */
const payload = new Uint8Array(149).fill(0x61);
const subjects = ['athlete-ally.hrv.raw-received', 'sleep.scored', 'vendor.oura.webhook'];

function idOf(n: number): MsgHdrs {
  const block = newHeaders();
  block.set('Nats-Msg-Id', `bench-${process.pid}-${n}`);
  return block;
}

/** Every message has an id: what is copied is looked through for ids that come again. */
async function fill(account: JetStreamWriter, count: number): Promise<void> {
  const BATCH = 2_000;
  for (let sent = 0; sent < count; sent += BATCH) {
    await Promise.all(
      Array.from({ length: Math.min(BATCH, count - sent) }, (_, i) =>
        account.connection.request(subjects[i % subjects.length]!, payload, {
          timeout: 30_000,
          headers: idOf(sent + i),
        }),
      ),
    );
  }
}

async function rollback(): Promise<unknown> {
  const run = await startRun(seedTopology);
  const forward = await migrate(run.environment, { to: 'multi', options: OPTIONS });
  if (forward.exitCode !== 0) throw forward.error ?? new Error('the way forward failed');
  await fill(run.account, HAND_BACK);
  const traffic = await startPublishers(
    run.settings,
    [1, 2, 3, 4].map((n) => ({
      name: `p${n}`,
      kind: 'pipelined' as const,
      inFlight: 16,
      msgId: n % 2 === 0,
      ratePerSecond: 200,
      subjects,
    })),
  );
  const begun = performance.now();
  const back = await rollBack(run.environment);
  const ms = performance.now() - begun;
  if (back.exitCode !== 0) throw back.error ?? new Error('the way back failed');
  const { verdict } = await traffic.stop({ streams: Object.keys(seedTopology.streams) });
  const { lost, doubled, refused } = verdict;
  const copied = back.json.handovers.reduce((sum, handover) => sum + handover.copied, 0);
  const steps = Object.fromEntries(back.json.steps.filter((s) => s.ms > 20).map((s) => [s.id, s.ms]));
  await run.stop();
  return {
    copied,
    ms: Math.round(ms),
    steps,
    windowMs: back.json.handovers[0]!.windowMs,
    lost,
    doubled,
    refused,
  };
}

async function measureCatchUp(): Promise<unknown> {
  const server = await startNats();
  const account = await openWriter({ servers: [server.url] });
  const context: HandoverContext = {
    account,
    host: silentHost,
    journal: { effect: (_name, _data, work) => work() },
    signal: new AbortController().signal,
  };
  const make = (config: Partial<StreamConfig> & { name: string }): Promise<unknown> =>
    account.createStream({ storage: 'file', ...config } as StreamConfig);
  await make({ name: 'ORIGIN', subjects: ['athlete-ally.>', 'sleep.*', 'vendor.oura.>'] });
  await fill(account, backlog);
  const filters = ['athlete-ally.>', 'sleep.*', 'vendor.oura.>'];
  /** With the same filters: what the server needs for them is not the handover's doing. */
  const bareWith =
    (duplicate_window: number) =>
    async (name: string): Promise<void> => {
      const subject_transforms = filters.map((src) => ({ src, dest: '' }));
      await make({
        name,
        duplicate_window,
        sources: [{ name: 'ORIGIN', opt_start_seq: 1, subject_transforms }],
      });
      while ((await account.stream(name))!.state.messages < backlog) await delay(5);
    };
  const ours = async (name: string): Promise<void> => {
    await make({ name, subjects: [`_aa-ops.closed.${name}`] });
    const copy: Copy = {
      origin: 'ORIGIN',
      target: name,
      filters,
      epoch: `_aa-ops.epoch.bench.${name}.0`,
      startSeq: 1,
      targetFromSeq: 1,
    };
    await startCopies(context, [copy]);
    await catchUp(context, copy, { timeoutMs: 600_000 });
  };
  const ways = [
    ['bare', bareWith(DUPLICATE_WINDOW)],
    ['ours', ours],
    ['bareWithoutIds', bareWith(0)],
  ] as const;
  const rates: Record<(typeof ways)[number][0], number[]> = { bare: [], ours: [], bareWithoutIds: [] };
  for (let turn = 0; turn < TURNS; turn++) {
    for (const [way, copyAll] of turn % 2 === 0 ? ways : ways.toReversed()) {
      const name = `${way}-${turn}`;
      const begun = performance.now();
      await copyAll(name);
      rates[way].push(Math.round(backlog / ((performance.now() - begun) / 1_000)));
      await dropCopies(context, [name]);
      await account.deleteStream(name);
    }
  }
  await account.close();
  await server.stop();
  const ratiosTo = (way: 'bare' | 'bareWithoutIds'): string[] =>
    rates.ours.map((rate, turn) => (rate / rates[way][turn]!).toFixed(2));
  return {
    messages: backlog,
    ...rates,
    /** Of the medians, and of each turn. */
    ratio: (median(rates.ours) / median(rates.bare)).toFixed(2),
    ratios: ratiosTo('bare'),
    ratiosWithoutIds: ratiosTo('bareWithoutIds'),
  };
}

async function measureMemory(messages: number): Promise<unknown> {
  const server = await startNats();
  const account = await openWriter({ servers: [server.url] });
  const cwd = mkdtempSync(join(tmpdir(), 'aa-bench-'));
  const file = fileURLToPath(new URL('../../test/support/seed-topology.yaml', import.meta.url));
  const cli = fileURLToPath(new URL('../../dist/cli/aa-ops.js', import.meta.url));
  const where = ['--topology', file, '--env', 'test', '--server', server.url, '--yes'];
  const applied = spawn(process.execPath, [cli, 'apply', ...where], { cwd, stdio: 'ignore' });
  await once(applied, 'exit');
  await fill(account, messages);
  const begun = performance.now();
  const child = spawn(process.execPath, [cli, 'migrate', '--to', 'multi', '--copy', 'all', ...where], {
    cwd,
    stdio: 'ignore',
  });
  const [peakMiB, code] = await peakOf(child);
  const seconds = (performance.now() - begun) / 1_000;
  await account.close();
  await server.stop();
  rmSync(cwd, { recursive: true, force: true });
  return { messages, exit: code, seconds: Math.round(seconds), peakMiB };
}

/** Linux: VmHWM, the highest resident size so far. */
async function peakOf(child: ChildProcess): Promise<[peakMiB: number, code: number | null]> {
  let peak = 0;
  let ended: number | null | undefined;
  child.once('exit', (code) => (ended = code));
  while (ended === undefined) {
    try {
      const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
      peak = Math.max(peak, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0));
    } catch {
      // It has just ended.
    }
    await delay(20);
  }
  return [Math.round(peak / 1_024), ended];
}

const parts: Record<string, () => Promise<unknown>> = {
  rollback,
  catchUp: measureCatchUp,
  memory: async () => [await measureMemory(Math.min(50_000, backlog)), await measureMemory(backlog)],
};
const result: Record<string, unknown> = {};
for (const part of process.argv[3]?.split(',') ?? Object.keys(parts)) result[part] = await parts[part]!();
console.log(JSON.stringify(result, null, 2));
process.exit(0);
