/**
 * Handovers with a backlog: `npx tsx bench/handover/backlog.ts [MESSAGES [PART,PART]]` (default 500,000 and all;
 * needs `npm run build`). Prints as one JSON document:
 *   rollback  a way back with 100,000 messages to hand back, under four publishers in a process of their own: the whole built command (JetStream part: no pods)
 *   catchUp   messages a second of a bare source, and of a copy from its start until it is known to have caught up, in turns; and of a bare source
 *             whose stream recognises no message ids: a stream that is made with a source has no duplicate window unless it is given one
 *   memory    the highest resident size of the built command that migrates with `--copy all`, proof with payloads included
 */
import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text as textOf } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  catchUp,
  type ConnectSettings,
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
import type { RunJson } from '../../cli/src/runbook/runDocumentJson.ts';
import { startNats } from '../../cli/src/servers/index.ts';
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

/** A server of its own with the seed's topology applied, and the built command to run against it. */
async function withCommand<T>(
  measure: (at: { settings: ConnectSettings; account: JetStreamWriter; start: Start }) => Promise<T>,
): Promise<T> {
  const server = await startNats();
  const settings = { servers: [server.url] };
  const account = await openWriter(settings);
  const cwd = mkdtempSync(join(tmpdir(), 'aa-bench-'));
  const file = fileURLToPath(new URL('../../test/support/seed-topology.yaml', import.meta.url));
  const cli = fileURLToPath(new URL('../../dist/cli/aa-ops.js', import.meta.url));
  const where = ['--topology', file, '--env', 'test', '--server', server.url, '--yes', '--output', 'json'];
  const start: Start = (...words) =>
    spawn(process.execPath, [cli, ...words, ...where], { cwd, stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    await documentOf(start('apply'));
    return await measure({ settings, account, start });
  } finally {
    await account.close();
    await server.stop();
    rmSync(cwd, { recursive: true, force: true });
  }
}

type Start = (...words: string[]) => ChildProcessByStdio<null, Readable, null>;

/** What a command printed; throws where it failed. */
async function documentOf(child: ReturnType<Start>): Promise<RunJson> {
  const [text, [code]] = await Promise.all([textOf(child.stdout), once(child, 'exit')]);
  if (code !== 0) throw new Error(`${child.spawnargs.slice(1).join(' ')} ended with ${code}: ${text}`);
  return JSON.parse(text) as RunJson;
}

async function rollback(): Promise<unknown> {
  return withCommand(async ({ settings, account, start }) => {
    await documentOf(start('migrate', '--to', 'multi'));
    await fill(account, HAND_BACK);
    const traffic = await startPublishers(
      settings,
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
    const back = await documentOf(start('rollback'));
    const ms = performance.now() - begun;
    const { verdict } = await traffic.stop({ streams: Object.keys(seedTopology.streams) });
    const { lost, doubled, refused } = verdict;
    return {
      copied: back.handovers.reduce((sum, handover) => sum + handover.copied, 0),
      ms: Math.round(ms),
      steps: Object.fromEntries(back.steps.filter((s) => s.ms > 20).map((s) => [s.id, s.ms])),
      windowMs: back.handovers[0]!.windowMs,
      lost,
      doubled,
      refused,
    };
  });
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
  return withCommand(async ({ account, start }) => {
    await fill(account, messages);
    const begun = performance.now();
    const child = start('migrate', '--to', 'multi', '--copy', 'all');
    const [peakMiB] = await Promise.all([peakOf(child), documentOf(child)]);
    return { messages, seconds: Math.round((performance.now() - begun) / 1_000), peakMiB };
  });
}

/** Linux: VmHWM, the highest resident size until it ends. */
async function peakOf(child: ChildProcess): Promise<number> {
  let peak = 0;
  while (child.exitCode === null && child.signalCode === null) {
    try {
      const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
      peak = Math.max(peak, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0));
    } catch {
      // It has just ended.
    }
    await delay(20);
  }
  return Math.round(peak / 1_024);
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
