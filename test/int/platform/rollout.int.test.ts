import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type LocalPod, startPod } from '../../../cli/src/platform/local/pod.ts';
import { type PodSet, podSet } from '../../../cli/src/platform/local/rollout.ts';
import { makeTempDir, startTimeOf } from '../../support/servers.ts';
import { standIn } from '../../support/standIn.ts';

let dir: string;
let set: PodSet;
/** What the next pods are started with. */
let environment: Record<string, string>;
/** Of every change: how many were ready. */
let readyCounts: number[];
let drained: string[];
const WORKLOAD = 'normalize-service';

beforeEach(() => {
  dir = makeTempDir('rollout');
  mkdirSync(join(dir, 'logs'));
  environment = { EVENT_STREAM_MODE: 'single' };
  readyCounts = [];
  drained = [];
  const count = (): void => void readyCounts.push(set.pods().filter((pod) => pod.ready).length);
  set = podSet({
    workload: WORKLOAD,
    replicas: 2,
    history: { revision: 1, done: [] },
    newPod: (revision, index): LocalPod => {
      const name = `${WORKLOAD}-r${revision}-${index}`;
      const fixed = { ...environment };
      const logFile = join(dir, 'logs', `${name}.log`);
      return startPod(
        { name, workload: WORKLOAD, revision, program: standIn, environment: () => fixed, logFile },
        count,
      );
    },
    drain: async (pod) => void drained.push(pod.name),
    changed: count,
  });
});
afterEach(async () => {
  await set.end();
  rmSync(dir, { recursive: true });
});

const names = (): string[] => set.pods().map((pod) => pod.name);
const modes = (): (string | undefined)[] => set.pods().map((pod) => pod.state().mode);
const restart = (id: string, timeoutMs = 20_000, lines: string[] = []) =>
  set.restart(id, timeoutMs, (line) => lines.push(line));

async function startTwo(): Promise<void> {
  set.start();
  expect(await set.untilReady(20_000)).toBeUndefined();
  readyCounts = [];
}

test('replaces one after the other, never with less than all replicas ready', async () => {
  await startTwo();
  const old = set.pods().map((pod) => pod.state().process!.pid);
  environment = { EVENT_STREAM_MODE: 'multi', READY_AFTER_MS: '100' };
  const lines: string[] = [];
  expect(await restart('run-1', 20_000, lines)).toMatchObject({ status: 'done' });
  expect(names()).toEqual([`${WORKLOAD}-r2-0`, `${WORKLOAD}-r2-1`]);
  expect(modes()).toEqual(['multi', 'multi']);
  expect(Math.min(...readyCounts)).toBe(2);
  expect(Math.max(...readyCounts)).toBe(3);
  expect(drained).toEqual([`${WORKLOAD}-r1-0`, `${WORKLOAD}-r1-1`]);
  expect(old.map((pid) => startTimeOf(pid))).toEqual([undefined, undefined]);
  expect(lines[0]).toContain('1 of 2 restarted');
  // The old ones were asked to stop, not killed.
  expect(readFileSync(join(dir, 'logs', `${WORKLOAD}-r1-0.log`), 'utf8')).toContain('stopping');
});

test('a restart that was done is not done again', async () => {
  await startTwo();
  await restart('run-1');
  const after = names();
  expect(await restart('run-1')).toMatchObject({ status: 'already' });
  expect(names()).toEqual(after);
});

test('asked for twice at once, it is one restart', async () => {
  await startTwo();
  const [first, second] = await Promise.all([restart('run-1'), restart('run-1')]);
  expect([first.status, second.status]).toEqual(['done', 'done']);
  expect(names()).toEqual([`${WORKLOAD}-r2-0`, `${WORKLOAD}-r2-1`]);
});

test('is stuck within its bound when a pod does not get ready, says why, and leaves the old ones in service', async () => {
  await startTwo();
  environment = { NEVER_READY: '1' };
  const result = await restart('run-1', 500);
  expect(result).toMatchObject({ status: 'stuck' });
  expect(result.reason).toMatch(
    /normalize-service-r2-0 was not ready within 500 ms: \/readyz answers 503 not yet/,
  );
  expect(set.pods().map((pod) => [pod.name, pod.ready])).toEqual([
    [`${WORKLOAD}-r1-0`, true],
    [`${WORKLOAD}-r1-1`, true],
    [`${WORKLOAD}-r2-0`, false],
  ]);
  // The way back: another restart takes the place of the one that is stuck.
  environment = { EVENT_STREAM_MODE: 'single' };
  expect(await restart('run-2')).toMatchObject({ status: 'done' });
  expect(names()).toEqual([`${WORKLOAD}-r3-0`, `${WORKLOAD}-r3-1`]);
});

test('asked again after it was stuck, it goes on with the pod that has become ready', async () => {
  await startTwo();
  environment = { READY_AFTER_MS: '1500' };
  expect(await restart('run-1', 300)).toMatchObject({ status: 'stuck' });
  const waiting = set.pods().find((pod) => pod.revision === 2)!;
  expect(await waiting.untilReady(20_000)).toBe(true);
  environment = {};
  expect(await restart('run-1')).toMatchObject({ status: 'done' });
  expect(set.pods()[0]).toBe(waiting);
});

test('a pod that ends is started again, and a crash loop shows', async () => {
  await startTwo();
  const pod = set.pods()[0]!;
  process.kill(pod.state().process!.pid, 'SIGKILL');
  await expect.poll(() => pod.state().restarts, { timeout: 20_000, interval: 20 }).toBe(1);
  expect(await pod.untilReady(20_000)).toBe(true);
  expect(pod.state()).toMatchObject({ restarts: 1, crashLoop: false });
  // Its log goes on in the same file; the generation that runs begins after the first one's line.
  expect(pod.state().logOffset).toBeGreaterThan(0);

  environment = { CRASH: '1' };
  const stuck = restart('run-1', 4_000);
  const next = (): LocalPod | undefined => set.pods().find(({ revision }) => revision === 2);
  await expect.poll(() => next()?.state().crashLoop, { timeout: 20_000, interval: 20 }).toBe(true);
  expect(await stuck).toMatchObject({
    status: 'stuck',
    reason: expect.stringMatching(/exited with 3/) as string,
  });
});

test('taking everything down ends a restart that waits', async () => {
  await startTwo();
  environment = { NEVER_READY: '1' };
  const waiting = restart('run-1', 60_000);
  await expect.poll(names).toHaveLength(3);
  await set.end();
  expect(await waiting).toMatchObject({ status: 'stuck' });
});
