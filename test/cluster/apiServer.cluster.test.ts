import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunJson } from '../../cli/src/runbook/runDocumentJson.ts';
import { type ServiceTraffic, startServiceTraffic } from '../support/cluster/serviceTraffic.ts';
import { type Staging, startStaging } from '../support/cluster/staging.ts';
import { until } from '../support/cluster/until.ts';

// The API server goes away or stands still, in every step that speaks to it, while events go on.
let staging: Staging;
let hold: string;
let traffic: ServiceTraffic;
beforeAll(async () => {
  staging = await startStaging();
  traffic = await startServiceTraffic(staging, 60);
  hold = join(staging.cluster.dir, 'kubernetes', 'hold-apiserver');
});
afterAll(() => staging?.stop());

/** Ten seconds in full; a request's own bound is as long, and the run's three times that. */
const AWAY_MS = process.env['AA_TEST_LONG'] ? 10_000 : 4_000;

/** It is another process after each restart. */
function apiServerPid(): number {
  const ours = join(staging.cluster.dir, 'kubernetes', 'certificates');
  const pid = readdirSync('/proc').find((it) => {
    if (!/^\d+$/.test(it)) return false;
    try {
      const [command = '', ...args] = readFileSync(`/proc/${it}/cmdline`, 'utf8').split('\0');
      return command.endsWith('kube-apiserver') && args.some((arg) => arg.includes(ours));
    } catch {
      return false;
    }
  });
  if (!pid) throw new Error('no API server runs');
  return Number(pid);
}

const goAway = (): void => {
  writeFileSync(hold, '');
  process.kill(apiServerPid(), 'SIGKILL');
};
const comeBack = (): void => rmSync(hold, { force: true });
const standing = (): Promise<unknown> => until(() => staging.cluster.api.get('/readyz'));

const away = async (): Promise<void> => {
  goAway();
  await pause(AWAY_MS);
  comeBack();
};
const still = async (): Promise<void> => {
  const pid = apiServerPid();
  process.kill(pid, 'SIGSTOP');
  await pause(AWAY_MS);
  process.kill(pid, 'SIGCONT');
};

/** Lines of progress behind which the API server fails: before each step, and half way through a rollout. */
const POINTS = [
  /^Check the prerequisites$/,
  /^Back up configuration and state$/,
  /^Write the mode into the ConfigMap$/,
  /^normalize-service: restart .* begun/,
  /^normalize-service: .*old replicas are pending/,
  /^Restart the producers, wait until ready$/,
  /^Check bindings, health/,
  /^Verify owners/,
];

test.each([
  { how: 'away for a while', fail: away, args: ['migrate', '--to', 'multi'], mode: 'multi' },
  { how: 'standing still', fail: still, args: ['rollback'], mode: 'single' },
])(
  '$how in every step: the run waits and ends well',
  async ({ fail, args, mode }) => {
    const failures = new Map<string, Promise<void>>();
    let last: Promise<void> = Promise.resolve();
    const run = await staging.run(args, {
      onProgress: (line) => {
        const point = POINTS.find((it) => it.test(line));
        if (!point || failures.has(String(point))) return;
        last = last.then(fail);
        failures.set(String(point), last);
      },
    });
    await last;
    await standing();
    expect(run.code, run.stdout + run.stderr).toBe(0);
    expect(run.json<RunJson>()).toMatchObject({ result: 'done', to: mode, shortcomings: [] });
    expect([...failures.keys()].sort()).toEqual(POINTS.map(String).sort());
  },
  600_000,
);

test('away for longer than a run waits: exit 4, with the reason, and --resume goes on', async () => {
  let gone = false;
  const stopped = await staging.run(['migrate', '--to', 'multi'], {
    onProgress: (line) => {
      if (gone || !/^Restart the consumers, wait until ready$/.test(line)) return;
      gone = true;
      goAway();
    },
  });
  expect(stopped.code, stopped.stdout + stopped.stderr).toBe(4);
  expect(stopped.json<RunJson>()).toMatchObject({
    result: 'partial',
    error: { code: 'platform-away', message: expect.stringContaining('does not answer: ECONNREFUSED') },
  });
  const look = await staging.run(['status']);
  expect(look.json<{ unread: string; run: unknown }>()).toMatchObject({
    unread: expect.stringContaining('does not answer'),
    run: { command: 'migrate' },
  });
  comeBack();
  await standing();
  const resumed = await staging.run(['migrate', '--resume'], { identity: 'aa-ops-2' });
  expect(resumed.code, resumed.stdout + resumed.stderr).toBe(0);
  expect(resumed.json<RunJson>()).toMatchObject({ result: 'done', to: 'multi', shortcomings: [] });
  expect(await staging.mode()).toBe('multi');
}, 300_000);

test('and no event was lost, doubled or refused meanwhile', async () => {
  const report = await traffic.finish();
  expect(report.faults).toEqual([]);
});
