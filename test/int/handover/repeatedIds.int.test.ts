import { afterEach, describe, expect, it } from 'vitest';
import {
  type Copy,
  epochSubject,
  isClean,
  type JetStreamWriter,
  newHeaders,
  readRange,
  type StreamConfig,
  readBacklog,
} from '@aa-ops/topology';
import { migrate, resume } from '../../../cli/src/runbook/migrate.ts';
import { rollBack } from '../../../cli/src/runbook/rollBack.ts';
import { OPTIONS, startRun, type TestRun } from '../../support/runs.ts';
import { fetchNatsServer } from '../../support/servers.ts';
import { topologyOf } from '../../support/topologies.ts';

const WINDOW_NS = 200e6;
const topology = topologyOf('repeated', {
  single: { subjects: { OLD: ['x.>'], OTHER: ['y.>'] } },
  multi: { subjects: { NEW: ['x.>', 'y.>'] } },
});
for (const fields of Object.values(topology.streams)) fields.duplicate_window = WINDOW_NS;
const ALL = { ...OPTIONS, copy: 'all' };

let run: TestRun;
afterEach(() => run.stop());

const publish = (text: string, id: string, subject = 'x.a'): Promise<unknown> => {
  const headers = newHeaders();
  headers.set('Nats-Msg-Id', id);
  return run.account.connection.request(subject, text, { headers, timeout: 2_000 });
};
const messages = async (stream: string): Promise<number> =>
  (await run.account.stream(stream))!.state.messages;

/** Publishes until the stream takes it: its window for the id is over then. */
const again = async (stream: string, text: string, id: string): Promise<void> => {
  const before = await messages(stream);
  while ((await messages(stream)) === before) await publish(text, id);
};

const texts = async (stream: string, filter: string): Promise<string[]> => {
  const all: string[] = [];
  for await (const batch of readRange(run.account, stream, { fromSeq: 1, filters: [filter] }))
    all.push(...batch.map(({ data }) => new TextDecoder().decode(data)));
  return all;
};

const isDone = (outcome: Awaited<ReturnType<typeof migrate>>): void => {
  expect(outcome, JSON.stringify(outcome.json.error)).toMatchObject({
    exitCode: 0,
    json: { result: 'done' },
  });
  for (const { proof } of outcome.json.handovers) expect(isClean(proof!)).toBe(true);
};

/** Changes what the run writes, or throws instead. */
const meddle = (change: (config: StreamConfig) => StreamConfig): void => {
  const account = run.account;
  run.environment.account = Object.create(account, {
    updateStream: { value: (config: StreamConfig) => account.updateStream(change(config)) },
  }) as JetStreamWriter;
};

const BACKLOG = ['a1', 'b1', 'a2', 'b2', 'a3', 'c1'];
const fill = async (): Promise<void> => {
  await publish('a1', 'a');
  await publish('b1', 'b');
  await again('OLD', 'a2', 'a');
  await again('OLD', 'b2', 'b');
  await again('OLD', 'a3', 'a');
  await publish('c1', 'c');
};

const SERVERS = [undefined, '2.10.26'];

describe.each(SERVERS)(
  'ids that come again, further apart than the duplicate window (server %s)',
  (version) => {
    it('arrive each time and in order, from two origins, forward and back', async () => {
      const binary = version && (await fetchNatsServer(version)).path;
      run = await startRun(topology, binary ? { binary } : {});
      await fill();
      await publish('y1', 'a', 'y.a'); // the other origin's, with an id of the first one's
      isDone(await migrate(run.environment, { to: 'multi', options: ALL }));
      expect(await texts('NEW', 'x.>')).toEqual(BACKLOG);
      expect(await texts('NEW', 'y.>')).toEqual(['y1']);
      expect((await run.account.stream('NEW'))!.config.duplicate_window).toBe(WINDOW_NS);
      await publish('d1', 'd');
      await again('NEW', 'd2', 'd');
      await publish('e1', 'e');
      isDone(await rollBack(run.environment));
      expect(await texts('OLD', 'x.>')).toEqual([...BACKLOG, 'd1', 'd2', 'e1']);
      expect((await run.account.stream('OLD'))!.config.duplicate_window).toBe(WINDOW_NS);
    });
  },
);

it('a backlog of many messages is read twice, and found to have the same stretches', async () => {
  run = await startRun(topology);
  await fill();
  await publish('y1', 'a', 'y.a');
  const copyOf = (origin: string, filter: string): Copy => ({
    origin,
    target: 'NEW',
    filters: [filter],
    epoch: epochSubject('test', origin, '1-0'),
    startSeq: 1,
    targetFromSeq: 1,
  });
  const copies = [copyOf('OLD', 'x.>'), copyOf('OTHER', 'y.>')];
  const { stretches, originals } = await readBacklog(run.account, copies);
  expect(stretches.get('NEW')!.map(({ through }) => through)).toEqual([2, 4, 6, 0]);
  expect(await readBacklog(run.account, copies, 1)).toEqual({ stretches, originals });
});

describe('a copy that was given up', () => {
  it('in the middle of its stretches goes on where it was whole', async () => {
    run = await startRun(topology);
    await fill();
    let sources = 0;
    meddle((config) => {
      if (config.name === 'NEW' && config.sources?.length && ++sources === 2) throw new Error('no more');
      return config;
    });
    const failed = await migrate(run.environment, { to: 'multi', options: ALL });
    expect(failed).toMatchObject({ exitCode: 1, json: { result: 'rolled-back' } });
    expect((await run.account.stream('NEW'))!.config.duplicate_window).toBe(WINDOW_NS);
    isDone(await migrate(run.environment, { to: 'multi', options: ALL }));
    expect(await texts('NEW', 'x.>')).toEqual(BACKLOG);
  });

  it('for a message that was missing brings it the next time', async () => {
    run = await startRun(topology);
    for (const text of ['first', 'second', 'third']) await publish(text, text);
    const paused = await migrate(run.environment, { to: 'multi', options: ALL, pauseBefore: 'checks' });
    expect(paused.exitCode).toBe(4);
    await run.account.deleteMessage('NEW', 2);
    expect(await resume(run.environment)).toMatchObject({
      exitCode: 1,
      json: { result: 'rolled-back', error: { code: 'copy-incomplete' } },
    });
    isDone(await migrate(run.environment, { to: 'multi', options: ALL }));
    expect(await texts('NEW', 'x.>')).toEqual(['first', 'second', 'third']);
  });
});

it('a target that lets nothing be deleted gets no part of such a copy: the run is taken back, and ends', async () => {
  const kept = structuredClone(topology);
  kept.streams['NEW']!.deny_delete = true;
  run = await startRun(kept);
  await fill();
  for (let n = 0; n < 300; n++) await publish(`${n}`, `n${n}`);
  expect(await migrate(run.environment, { to: 'multi', options: ALL })).toMatchObject({
    exitCode: 1,
    json: { result: 'rolled-back', error: { code: 'target-denies-deletes' } },
  });
  expect(await texts('NEW', 'x.>')).toEqual([]);
  expect(await rollBack(run.environment)).toMatchObject({ exitCode: 0 });
});
