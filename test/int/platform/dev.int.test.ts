import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { devDown, devStatus } from '../../../cli/src/commands/dev.ts';
import { holderOf, type LocalStatus, readState } from '../../../cli/src/platform/local/index.ts';
import { makeTempDir, startTimeOf } from '../../support/servers.ts';

let dir: string;
beforeEach(() => (dir = makeTempDir('dev')));
afterEach(() => devDown({ dir, deleteData: true }));

type Told = LocalStatus & { error?: { code: string; kind: string; message: string } };
function up(env: NodeJS.ProcessEnv = {}): Told {
  const script = new URL('../../support/parents/dev.ts', import.meta.url).pathname;
  const args = ['--import', 'tsx', script, dir, String(process.pid), '--detach'];
  const { stdout } = spawnSync(process.execPath, args, { encoding: 'utf8', env: { ...process.env, ...env } });
  return JSON.parse(stdout) as Told;
}

test('up --detach leaves a platform running; again it changes nothing; down ends it', async () => {
  const first = up();
  expect(first).toMatchObject({ status: 'up', notReady: null });
  expect(first.pods.map(({ ready }) => ready)).toEqual([true, true, true, true]);
  const again = up();
  expect(again.supervisor).toBe(first.supervisor);
  expect(again.pods.map(({ name }) => name)).toEqual(first.pods.map(({ name }) => name));

  const { text } = await devStatus(dir);
  expect(text).toContain(first.nats!.url);
  expect(text).toMatch(/normalize-service-r1-0 +yes +0 +single +http:/);

  const state = readState(dir)!;
  const pids = [state.supervisor, state.nats!.process, ...state.pods.map((pod) => pod.process)].map(
    (m) => m!.pid,
  );
  expect((await devDown({ dir })).json).toMatchObject({ result: 'down', leftovers: 0 });
  await expect.poll(() => pids.filter((pid) => startTimeOf(pid)), { timeout: 10_000 }).toEqual([]);
  expect((await devStatus(dir)).json).toMatchObject({ status: 'down', pods: [] });
  expect((await devDown({ dir })).json).toMatchObject({ result: 'already' });
});

test('up --detach says which pod is not ready, and leaves the platform to be looked at', async () => {
  const told = up({ POD_CRASH: '1' });
  expect(told.error).toMatchObject({ code: 'pods-not-ready', kind: 'unequal' });
  expect(told.error!.message).toMatch(/was not ready within \d+ ms: it exited with 3/);
  await expect.poll(async () => (await devStatus(dir)).text, { timeout: 20_000 }).toContain('CrashLoop');
});

test('up --detach tells why it did not come up', () => {
  const told = up({ AA_OPS_NATS_SERVER: '/nowhere/nats-server' });
  expect(told.error).toMatchObject({ code: 'platform-start' });
  expect(told.error!.message).toContain('AA_OPS_NATS_SERVER is /nowhere/nats-server, which does not run');
  expect(holderOf(dir)).toBeUndefined();
  expect(readFileSync(join(dir, 'logs/up.log'), 'utf8')).toContain('/nowhere/nats-server');
});
