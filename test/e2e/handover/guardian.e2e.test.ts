import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type JetStreamWriter,
  loadTopology,
  openWriter,
  realSubjects,
  type Topology,
} from '@aa-ops/topology';
import { judge, startTraffic, type Traffic } from '../../../cli/src/traffic/index.ts';
import { aaOps, type CliResult } from '../../support/cli.ts';
import { applyTopology } from '../../support/runs.ts';
import { type NatsServer, startNats } from '../../support/servers.ts';

const FILE = fileURLToPath(new URL('../../support/seed-topology.yaml', import.meta.url));
const subjects = ['athlete-ally.hrv.raw-received', 'sleep.scored', 'vendor.oura.webhook'];

let server: NatsServer;
let account: JetStreamWriter;
let topology: Topology;
let traffic: Traffic;
let cwd: string;

beforeEach(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'aa-guardian-'));
  server = await startNats();
  account = await openWriter({ servers: [server.url] });
  topology = await loadTopology(FILE, 'test');
  await applyTopology(account, topology);
  traffic = await startTraffic({ servers: [server.url] }, [
    { name: 'ids', kind: 'pipelined', inFlight: 16, msgId: true, ratePerSecond: 500, subjects },
    { name: 'bare', kind: 'pipelined', inFlight: 16, msgId: false, ratePerSecond: 500, subjects },
  ]);
});
afterEach(async () => {
  await traffic.stop();
  await account.close();
  await server.stop();
  rmSync(cwd, { recursive: true, force: true });
});

const run = (args: string[], onProgress?: (line: string, pid: number) => void): Promise<CliResult> =>
  aaOps(
    [
      ...args,
      '--topology',
      FILE,
      '--env',
      'test',
      '--server',
      server.url,
      '--yes',
      '--output',
      'json',
      '--progress',
      'ndjson',
    ],
    {
      cwd,
      ...(onProgress ? { onProgress: (line, child) => onProgress(line, child.pid!) } : {}),
    },
  );

const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);

const owned = async (stream: string): Promise<number> =>
  realSubjects((await account.stream(stream))!.config.subjects).length;

/** Kills as soon as the origin has let go; answers when. */
async function killInWindow(kill: (pid: number) => void): Promise<number> {
  let watching: Promise<void> | undefined;
  let diedAt = 0;
  const killed = await run(['migrate', '--to', 'multi'], (line, pid) => {
    if (watching || !line.includes('"handover"')) return;
    watching = (async () => {
      while ((await owned('ATHLETE_ALLY_EVENTS')) > 0);
      kill(pid);
      diedAt = performance.now();
    })();
  });
  await watching;
  expect(killed.signal).toBe('SIGKILL');
  return diedAt;
}

describe.skipIf(process.platform !== 'linux')('a process that dies while nobody owns the subjects', () => {
  it(
    'its guardian ends the window at once, and every held publish is answered',
    { timeout: 90_000 },
    async () => {
      const diedAt = await killInWindow((pid) => process.kill(pid, 'SIGKILL'));
      while ((await owned('AA_CORE_HOT')) === 0 && (await owned('ATHLETE_ALLY_EVENTS')) === 0) await delay(1);
      console.log(`without an owner for ${(performance.now() - diedAt).toFixed(1)} ms after the death`);
      const resumed = await run(['migrate', '--resume']);
      expect(resumed, resumed.stderr).toMatchObject({ code: 0 });
      expect(resumed.json()).toMatchObject({ result: 'done', to: 'multi' });
      await traffic.stop();
      const verdict = await judge(account, traffic.ledger, {
        streams: Object.keys(topology.streams),
        holders: ['AA_CORE_HOT', 'AA_VENDOR_HOT'],
      });
      expect(verdict, JSON.stringify(verdict.examples)).toMatchObject({
        lost: 0,
        doubled: 0,
        refused: 0,
        unanswered: 0,
      });
    },
  );

  it(
    'its guardian dies too: --resume ends the window, nothing acked is lost',
    { timeout: 90_000 },
    async () => {
      await killInWindow((pid) => {
        for (const child of childrenOf(pid)) process.kill(child, 'SIGKILL');
        process.kill(pid, 'SIGKILL');
      });
      const resumed = await run(['migrate', '--resume']);
      expect(resumed, resumed.stderr).toMatchObject({ code: 0 });
      expect(resumed.json()).toMatchObject({ result: 'done', to: 'multi' });
      await traffic.stop();
      const verdict = await judge(account, traffic.ledger, {
        streams: Object.keys(topology.streams),
        holders: ['AA_CORE_HOT', 'AA_VENDOR_HOT'],
      });
      console.log(`refused while nobody held: ${verdict.refused}`);
      expect(verdict, JSON.stringify(verdict.examples)).toMatchObject({ lost: 0, doubled: 0 });
    },
  );
});
