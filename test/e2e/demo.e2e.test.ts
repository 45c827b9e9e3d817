import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterEach, expect, test } from 'vitest';
import type { DemoReport } from '../../cli/src/demo/report.ts';
import { AA_OPS, aaOps } from '../support/cli.ts';

/** Folders that the demo of a process made, wherever temporary folders go. */
const foldersOf = (pid: number): string[] =>
  ['/dev/shm', tmpdir()].flatMap((base) =>
    readdirSync(base).filter((name) => name.includes(`-${pid}-`) && name.includes('-demo-')),
  );

/** Processes of the folders: servers name them in their command line, pods log into them. */
function processesIn(folders: string[]): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
        const marks = `${line} ${readlinkSync(`/proc/${pid}/fd/1`)}`;
        return folders.some((folder) => marks.includes(folder)) && !line.includes('aa-ops-sweeper')
          ? [line]
          : [];
      } catch {
        return []; // gone
      }
    });
}

async function until(fact: () => boolean): Promise<void> {
  while (!fact()) await new Promise((soon) => setTimeout(soon, 20));
}

const started: ChildProcess[] = [];
afterEach(() => started.splice(0).forEach((child) => child.kill('SIGKILL')));

/** Starts the demo and waits until its stderr has said something. */
async function startDemo(said: RegExp, ...options: string[]) {
  const args = [AA_OPS, 'demo', '--seconds', '1', ...options];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  started.push(child);
  const ended = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  await new Promise<void>((heard, failed) => {
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
      if (said.test(stderr)) heard();
    });
    void ended.then(() => failed(new Error(`it ended before it said ${said}: ${stderr}`)));
  });
  return { child, ended, folders: foldersOf(child.pid!), stdout: () => stdout, stderr: () => stderr };
}

test('the demo changes the mode three times under traffic, its ledger is clean, and --keep keeps it up', async () => {
  const demo = await startDemo(/until Ctrl-C/, '--output', 'json', '--rate', '400', '--keep');
  const door = /front door +(http:\S+)/.exec(demo.stderr())![1]!;
  expect((await fetch(new URL('/health', door))).status).toBe(200);
  demo.child.kill('SIGINT');
  const ending = await demo.ended;
  const report = JSON.parse(demo.stdout()) as DemoReport;
  expect({ ending, faults: report.faults }).toEqual({ ending: [0, null], faults: [] });
  expect(foldersOf(demo.child.pid!)).toEqual([]);
  expect(report).toMatchObject({
    schemaVersion: 1,
    result: 'clean',
    refused: 0,
    lost: 0,
    doubled: report.doubledAbsorbed,
    outOfOrder: { waiting: 0 },
    unaccounted: 0,
    deadLetters: { total: 3, byReason: { schema_invalid: 3 }, brokenOnPurpose: 3 },
  });
  expect(report.runs.map(({ command, to, result }) => `${command} ${to} ${result}`)).toEqual([
    'migrate multi done',
    'rollback single done',
    'migrate multi done',
  ]);
  for (const { handovers } of report.runs) {
    expect(handovers).toHaveLength(2);
    for (const { windowMs, copied } of handovers) {
      expect(windowMs).toBeGreaterThan(0);
      expect(copied).toBeGreaterThan(0);
    }
  }
  expect(report.sent).toBe(report.acked);
  expect(report.publishers.every(({ acked }) => acked > 0)).toBe(true);
  expect(report.rows.present).toBe(report.rows.expected);
  expect(report.rows.present).toBeGreaterThan(100);
});

test('Ctrl-C in the middle of a migration takes everything down and ends with 130', async () => {
  const { child, ended, folders, stderr } = await startDemo(
    /== Migrate single -> multi\n[^]*Restart the consumers/,
  );
  expect(folders).toHaveLength(1);
  expect(processesIn(folders)).not.toEqual([]);
  child.kill('SIGINT');
  expect(await ended).toEqual([130, null]);
  expect(stderr()).toContain('error: interrupted; everything that the demo had started is taken down');
  expect(foldersOf(child.pid!)).toEqual([]);
  expect(processesIn(folders)).toEqual([]);
});

test('a demo that is killed leaves no process and no folder behind', async () => {
  const { child, ended, folders } = await startDemo(/== Traffic/);
  expect(processesIn(folders)).not.toEqual([]);
  child.kill('SIGKILL');
  expect(await ended).toEqual([null, 'SIGKILL']);
  await until(() => processesIn(folders).length === 0 && foldersOf(child.pid!).length === 0);
});

test('a rate that it cannot send is refused', async () => {
  const { code, json } = await aaOps(['demo', '--rate', '5', '--output', 'json']);
  expect({ code, ...json() }).toMatchObject({
    code: 64,
    error: { message: '--rate 5 is not between 10 and 5000 messages a second' },
  });
});
