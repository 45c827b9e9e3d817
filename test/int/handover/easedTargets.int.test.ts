import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { newHeaders, readRange, type Topology } from '@aa-ops/topology';
import { migrate, resume } from '../../../cli/src/runbook/migrate.ts';
import { rollBack } from '../../../cli/src/runbook/rollBack.ts';
import { OPTIONS, startRun, type TestRun } from '../../support/runs.ts';
import { topologyOf } from '../../support/topologies.ts';

const topology = topologyOf('eased', {
  single: { subjects: { OLD: ['x.>'] }, consumers: { w: { stream: 'OLD', filters: ['x.>'] } } },
  multi: { subjects: { NEW: ['x.>'] }, consumers: { w: { stream: 'NEW', filters: ['x.>'] } } },
});
const withFields = (OLD: Topology['streams'][string], NEW: Topology['streams'][string]): Topology => ({
  ...topology,
  streams: { OLD: { ...topology.streams['OLD'], ...OLD }, NEW: { ...topology.streams['NEW'], ...NEW } },
});
let run: TestRun;
afterEach(() => run.stop());

const publish = async (text: string, id?: string): Promise<{ duplicate?: boolean }> => {
  const headers = newHeaders();
  if (id !== undefined) headers.set('Nats-Msg-Id', id);
  const reply = await run.account.connection.request('x.a', text, { headers, timeout: 5_000 });
  return JSON.parse(new TextDecoder().decode(reply.data)) as { duplicate?: boolean };
};
const held = async (stream: string): Promise<string[]> => {
  const texts: string[] = [];
  for await (const batch of readRange(run.account, stream, { fromSeq: 1, filters: ['x.>'] }))
    texts.push(...batch.map(({ data }) => new TextDecoder().decode(data)));
  return texts;
};
const config = async (stream: string) => (await run.account.stream(stream))!.config;
const begun = async (): Promise<void> => {
  const outcome = await migrate(run.environment, { to: 'multi', options: OPTIONS, pauseBefore: 'handover' });
  expect(outcome, JSON.stringify(outcome.json)).toMatchObject({ json: { pausedBefore: 'handover' } });
};

it('an id that comes again behind the window of its origin and within that of the target is kept', async () => {
  run = await startRun(withFields({ duplicate_window: 500e6 }, {}));
  await publish('first', 'a');
  await begun();
  await delay(500); // the target remembers an id from its copy on, not from the origin's message on
  while ((await publish('second', 'a')).duplicate) continue;
  await publish('third');
  expect(await resume(run.environment)).toMatchObject({ exitCode: 0, json: { shortcomings: [] } });
  expect(await held('NEW')).toEqual(['first', 'second', 'third']);
  expect((await config('NEW')).duplicate_window).toBe(120e9);
});

it('the largest message that the origin takes comes over to a target with the same limit', async () => {
  run = await startRun(withFields({ max_msg_size: 1_000 }, { max_msg_size: 1_000 }));
  await publish('small');
  await begun();
  const large = 'L'.repeat(1_000);
  await publish(large);
  expect(await resume(run.environment)).toMatchObject({ exitCode: 0 });
  expect(await held('NEW')).toEqual(['small', large]);
  expect((await config('NEW')).max_msg_size).toBe(1_000);
  await publish(large);
  expect(await rollBack(run.environment)).toMatchObject({ exitCode: 0 });
  expect(await held('OLD')).toEqual(['small', large, large]);
  expect((await config('OLD')).max_msg_size).toBe(1_000);
});

it('a run that is taken back leaves both as they were', async () => {
  run = await startRun(withFields({ max_msg_size: 1_000, duplicate_window: 500e6 }, { max_msg_size: 1_000 }));
  await begun();
  expect((await config('NEW')).duplicate_window).toBe(500e6);
  expect(await rollBack(run.environment)).toMatchObject({ exitCode: 0 });
  expect(await config('NEW')).toMatchObject({ duplicate_window: 120e9, max_msg_size: 1_000 });
});
