import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
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

/** Starts the demo and waits until its stderr has said something. */
async function startDemo(said: RegExp) {
  const child = spawn(process.execPath, [AA_OPS, 'demo', '--seconds', '1'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  let stderr = '';
  await new Promise<void>((heard, failed) => {
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
      if (said.test(stderr)) heard();
    });
    void ended.then(() => failed(new Error(`it ended before it said ${said}: ${stderr}`)));
  });
  child.stdout.resume();
  const folders = foldersOf(child.pid!);
  return { child, ended, folders, stderr: () => stderr };
}

test('the demo changes the mode three times under traffic, and its ledger is clean', async () => {
  const demo = await aaOps(['demo', '--output', 'json', '--seconds', '1', '--rate', '400']);
  const report = demo.json<DemoReport>();
  expect({ code: demo.code, faults: report.faults }).toEqual({ code: 0, faults: [] });
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
