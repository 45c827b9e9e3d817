import { afterEach, expect, it } from 'vitest';
import { newHeaders, readRange, type StreamConfig } from '@aa-ops/topology';
import { migrate } from '../../../cli/src/runbook/migrate.ts';
import { rollBack } from '../../../cli/src/runbook/rollBack.ts';
import { StateStore } from '../../../cli/src/saga/stateStore.ts';
import { OPTIONS, startRun, type TestRun } from '../../support/runs.ts';
import { fetchNatsServer } from '../../support/servers.ts';
import { topologyOf } from '../../support/topologies.ts';

const topology = topologyOf('gone', {
  single: { subjects: { OLD: ['x.>'] }, consumers: { late: { stream: 'OLD', filters: ['x.>'] } } },
  multi: { subjects: { NEW: ['x.>'] }, consumers: { late: { stream: 'NEW', filters: ['x.>'] } } },
});
/** What is copied again has a window to wait out. */
const WINDOW = 2e9;
for (const fields of Object.values(topology.streams)) fields.duplicate_window = WINDOW;
const decoder = new TextDecoder();
let run: TestRun;
afterEach(() => run.stop());

const publish = async (from: number, to: number, headers: Record<string, string> = {}): Promise<void> => {
  for (let n = from; n <= to; n++) {
    const all = newHeaders();
    for (const [name, value] of Object.entries(headers)) all.set(name, value.replace('#', `${n}`));
    await run.account.connection.request('x.a', `${n}`, { headers: all, timeout: 5_000 });
  }
};
const work = async (stream: string, count: number): Promise<string[]> => {
  const consumer = await run.account.connection.jetstream().consumers.get(stream, 'late');
  const texts: string[] = [];
  for await (const message of await consumer.fetch({ max_messages: count, expires: 1_000 })) {
    texts.push(decoder.decode(message.data));
    await message.ackAck();
  }
  return texts;
};
const held = async (stream: string): Promise<string[]> => {
  const texts: string[] = [];
  for await (const batch of readRange(run.account, stream, { fromSeq: 1, filters: ['x.>'] }))
    texts.push(...batch.map(({ data }) => decoder.decode(data)));
  return texts;
};
const change = async (stream: string, fields: Partial<StreamConfig>): Promise<void> => {
  const { config } = (await run.account.stream(stream))!;
  await run.account.updateStream({ ...config, ...fields });
};
const numbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, n) => `${from + n}`);
const purge = (body: object = {}): Promise<unknown> => run.account.api('STREAM.PURGE.OLD', body);
const forth = async (): Promise<void> => {
  const outcome = await migrate(run.environment, { to: 'multi', options: OPTIONS });
  expect(outcome, JSON.stringify(outcome.json)).toMatchObject({ exitCode: 0, json: { result: 'done' } });
};
const back = async (): Promise<void> => {
  const outcome = await rollBack(run.environment);
  expect(outcome, JSON.stringify(outcome.json)).toMatchObject({ exitCode: 0, json: { result: 'done' } });
};
const warnings = (): string[] => run.notices.filter(({ level }) => level === 'warn').map(({ code }) => code);

/** 20 published, 5 worked, over, and five more. */
async function behind(headers: Record<string, string> = {}, of = topology): Promise<void> {
  run = await startRun(of);
  await publish(1, 20, headers);
  expect(await work('OLD', 5)).toHaveLength(5);
  await forth();
  await publish(21, 25, headers);
}

it('a way back copies again what was purged on the old stream, and a third way follows it', async () => {
  await behind();
  await purge();
  await back();
  expect(warnings()).toContain('copied-again');
  expect(await held('OLD')).toEqual(numbers(6, 25));
  expect(await work('OLD', 2)).toEqual(['6', '7']);
  await forth();
  expect(await work('NEW', 2)).toEqual(['8', '9']);
  await back();
  expect(await work('OLD', 99)).toEqual(numbers(10, 25));
  expect(await held('OLD'), 'and nothing twice').toEqual(numbers(6, 25));
});

it('the same of messages with ids that the old stream still remembers', async () => {
  const short = structuredClone(topology);
  for (const fields of Object.values(short.streams)) fields.duplicate_window = 10e9;
  await behind({ 'Nats-Msg-Id': 'id-#' }, short);
  await purge();
  await back();
  expect((await run.account.stream('OLD'))!.config.duplicate_window).toBe(10e9);
  expect(await work('OLD', 99)).toEqual(numbers(6, 25));
});

it('the same of what has expired there', async () => {
  await behind();
  await change('OLD', { max_age: 100e6, duplicate_window: 100e6 });
  await expect.poll(() => held('OLD'), { timeout: 30_000 }).toEqual([]);
  await change('OLD', { max_age: 0, duplicate_window: WINDOW });
  await back();
  expect(await work('OLD', 99)).toEqual(numbers(6, 25));
});

it.each([
  ['the first of them', { seq: 11 }],
  ['one in their midst', undefined],
])(
  'refuses before anything starts where a part is gone, and the rest would come twice: %s',
  async (_, body) => {
    await behind();
    if (body) await purge(body);
    else await run.account.deleteMessage('OLD', 12);
    const before = await held('OLD');
    await expect(rollBack(run.environment)).rejects.toMatchObject({
      code: 'unacked-without-copy',
      kind: 'refused',
    });
    const store = await StateStore.open(run.account, topology);
    expect(await store.openRun()).toBeUndefined();
    expect((await store.runs()).at(-1)).toMatchObject({ command: 'rollback', status: 'failed' });
    expect((await run.account.stream('NEW'))!.config.subjects).toEqual(['x.>']);
    expect(await held('OLD')).toEqual(before);
    expect(await work('NEW', 99)).toEqual(numbers(6, 25));
    await back();
    expect(await work('OLD', 99)).toEqual([]);
  },
);

it('does not take the numbers of a stream for those of the one that stood there before', async () => {
  await behind();
  const { config } = (await run.account.stream('OLD'))!;
  await run.account.deleteStream('OLD');
  await run.account.createStream(config);
  await back();
  expect(await work('OLD', 99)).toEqual(numbers(6, 25));
});

it('does not believe what a publisher wrote into a header (nats-server 2.10.26)', async () => {
  run = await startRun(topology, { binary: (await fetchNatsServer('2.10.26')).path });
  await forth();
  await publish(1, 1, { 'Nats-Stream-Source': 'OLD 9999999 > >' });
  await publish(2, 2);
  await back();
  expect(await work('OLD', 9)).toEqual(['1', '2']);
});
