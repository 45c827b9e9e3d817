import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { type ConsumerConfig, type Topology } from '@aa-ops/topology';
import { migrate, resume } from '../../../cli/src/runbook/migrate.ts';
import { OPTIONS, startRun, type TestRun } from '../../support/runs.ts';
import { topologyOf } from '../../support/topologies.ts';

const topology: Topology = topologyOf('fields', {
  single: { subjects: { OLD: ['x.>'] }, consumers: { w: { stream: 'OLD', filters: ['x.>'] } } },
  multi: { subjects: { NEW: ['x.>'] }, consumers: { w: { stream: 'NEW', filters: ['x.>'] } } },
});
let run: TestRun;
afterEach(() => run.stop());

const durable = async () => (await run.account.consumer('NEW', 'w'))!;

it('a pause and fields that no file sets go along with a durable', async () => {
  run = await startRun(topology);
  const { config } = (await run.account.consumer('OLD', 'w'))!;
  await run.account.deleteConsumer('OLD', 'w');
  const grouped = { ...config, priority_groups: ['g'], priority_policy: 'overflow' } as ConsumerConfig;
  await run.account.createConsumer('OLD', grouped);
  const until = new Date(Date.now() + 3_600_000).toISOString();
  await run.account.pauseConsumer('OLD', 'w', until);
  const outcome = await migrate(run.environment, { to: 'multi', options: OPTIONS });
  expect(outcome, JSON.stringify(outcome.json)).toMatchObject({ exitCode: 0 });
  const moved = await durable();
  expect(moved.paused).toBe(true);
  expect(Date.parse(moved.config.pause_until!)).toBe(Date.parse(until));
  expect(moved.config).toMatchObject({ priority_groups: ['g'], priority_policy: 'overflow' });
});

it('a durable with an inactiveThreshold waits for its pods however long that takes, and has it afterwards', async () => {
  const short = structuredClone(topology);
  short.consumers['w']!.inactive_threshold = 1e9;
  run = await startRun(short);
  await run.account.connection.request('x.a', 'one');
  const paused = await migrate(run.environment, { to: 'multi', options: OPTIONS, pauseBefore: 'handover' });
  expect(paused, JSON.stringify(paused.json)).toMatchObject({ json: { pausedBefore: 'handover' } });
  await delay(2_500); // more than twice what the server would have waited
  expect((await durable()).config.inactive_threshold ?? 0).toBe(0);
  const outcome = await resume(run.environment);
  expect(outcome, JSON.stringify(outcome.json)).toMatchObject({ exitCode: 0 });
  expect((await durable()).config.inactive_threshold).toBe(1e9);
});
