import { afterEach, expect, it } from 'vitest';
import { newHeaders } from '@aa-ops/topology';
import { migrate } from '../../../cli/src/runbook/migrate.ts';
import { OPTIONS, startRun, type TestRun } from '../../support/runs.ts';
import { topologyOf } from '../../support/topologies.ts';

const topology = topologyOf('retries', {
  single: { subjects: { OLD: ['x.>'] }, consumers: { w: { stream: 'OLD', filters: ['x.>'] } } },
  multi: { subjects: { NEW: ['x.>'] }, consumers: { w: { stream: 'NEW', filters: ['x.>'] } } },
});
let run: TestRun;
afterEach(() => run.stop());

const publish = async (text: string, id?: string): Promise<unknown> => {
  const headers = newHeaders();
  if (id !== undefined) headers.set('Nats-Msg-Id', id);
  const reply = await run.account.connection.request('x.a', text, { headers, timeout: 5_000 });
  return JSON.parse(new TextDecoder().decode(reply.data));
};
const work = async (stream: string, count: number): Promise<string[]> => {
  const consumer = await run.account.connection.jetstream().consumers.get(stream, 'w');
  const texts: string[] = [];
  for await (const message of await consumer.fetch({ max_messages: count, expires: 1_000 })) {
    texts.push(new TextDecoder().decode(message.data));
    await message.ackAck();
  }
  return texts;
};

it('a publish that was worked before the handover is recognised behind it, and not worked again', async () => {
  run = await startRun(topology);
  await publish('without an id');
  await publish('first', 'one');
  await publish('second', 'two');
  expect(await work('OLD', 3)).toHaveLength(3);
  const outcome = await migrate(run.environment, { to: 'multi', options: OPTIONS });
  expect(outcome, JSON.stringify(outcome.json)).toMatchObject({ exitCode: 0, json: { result: 'done' } });
  expect(await publish('first', 'one')).toMatchObject({ stream: 'NEW', duplicate: true });
  expect(await publish('second', 'two')).toMatchObject({ stream: 'NEW', duplicate: true });
  expect((await run.account.stream('NEW'))!.state.messages).toBe(2); // what has no id is not copied for it
  await publish('third', 'three');
  expect(await work('NEW', 9)).toEqual(['third']);
});
