import { afterEach, beforeEach, expect, it } from 'vitest';
import { type JetStreamWriter, newHeaders, readRange, type StreamConfig } from '@aa-ops/topology';
import { migrate, resume } from '../../../cli/src/runbook/migrate.ts';
import { rollBack } from '../../../cli/src/runbook/rollBack.ts';
import { OPTIONS, startRun, type TestRun } from '../../support/runs.ts';
import { topologyOf } from '../../support/topologies.ts';

// A server's thread that stands still between two queues puts a message into the origin behind its sentinel. Here, the origin is made to hear
// the subject again for a moment, while the target takes it.
const topology = topologyOf('late', {
  single: { subjects: { OLD: ['x.>'] } },
  multi: { subjects: { NEW: ['x.>'] } },
});

let run: TestRun;
beforeEach(async () => {
  run = await startRun(topology);
});
afterEach(() => run.stop());

const publish = (text: string, id?: string): Promise<unknown> => {
  const headers = newHeaders();
  if (id !== undefined) headers.set('Nats-Msg-Id', id);
  return run.account.connection.request('x.a', text, { headers, timeout: 2_000 });
};

const texts = async (stream: string): Promise<string[]> => {
  const all: string[] = [];
  for await (const batch of readRange(run.account, stream, { fromSeq: 1, filters: ['x.>'] }))
    all.push(...batch.map(({ data }) => new TextDecoder().decode(data)));
  return all;
};

/** Runs `work` when NEW has taken, and before anything looks. NEW hears the subject in it, but for `inOld`. */
const whenTaken = (work: (inOld: (publishing: () => Promise<unknown>) => Promise<void>) => Promise<void>) => {
  const { account } = run;
  let isDone = false;
  const updateStream = async (config: StreamConfig): Promise<unknown> => {
    const answer = await account.updateStream(config);
    if (isDone || config.name !== 'NEW' || !config.subjects?.includes('x.>')) return answer;
    isDone = true;
    await work(async (publishing) => {
      const [before, old] = [(await account.stream('NEW'))!.config, (await account.stream('OLD'))!.config];
      await account.updateStream({ ...before, subjects: ['elsewhere'] });
      await account.updateStream({ ...old, subjects: [...old.subjects!, 'x.>'] });
      await publishing();
      await account.updateStream(old);
      await account.updateStream(before);
    });
    return answer;
  };
  run.environment.account = Object.create(account, {
    updateStream: { value: updateStream },
  }) as JetStreamWriter;
};

const noticed = (code: string): unknown[] => run.notices.filter((notice) => notice.code === code);
const isDone = ({ json }: Awaited<ReturnType<typeof migrate>>): void =>
  expect(json.result, JSON.stringify(json.error)).toBe('done');

it('what an origin stores behind its sentinel is waited for, and handed back once', async () => {
  await publish('before');
  whenTaken((inOld) => inOld(() => publish('late 1').then(() => publish('late 2'))));
  isDone(await migrate(run.environment, { to: 'multi', options: OPTIONS }));
  expect(noticed('late-message')).toMatchObject([{ data: { sequences: [3, 4] } }]); // 2 is the sentinel
  expect(await texts('NEW')).toEqual(['late 1', 'late 2']);
  await publish('after');
  isDone(await rollBack(run.environment, { options: OPTIONS }));
  expect(await texts('OLD')).toEqual(['before', 'late 1', 'late 2', 'after']);
});

it('what the origin copies from elsewhere is not late, and stays', async () => {
  await run.account.createStream({ name: 'ELSEWHERE', subjects: ['x-of-others'] });
  const rewritten = [{ src: 'x-of-others', dest: 'x.others' }];
  const source = { name: 'ELSEWHERE', subject_transforms: rewritten };
  whenTaken(async () => {
    await run.change('OLD', { sources: [source] });
    await run.account.connection.request('x-of-others', 'not late');
    await expect.poll(() => texts('OLD')).toEqual(['not late']);
  });
  isDone(await migrate(run.environment, { to: 'multi', options: OPTIONS }));
  expect(noticed('late-message')).toEqual([]);
  expect(await texts('OLD')).toEqual(['not late']);
});

it('its source does not go before it has come', async () => {
  const large = 'late '.repeat(2_000);
  whenTaken(async (inOld) => {
    await run.change('NEW', { max_msg_size: 2_000 });
    await inOld(() => publish(large));
  });
  const stopped = await migrate(run.environment, { to: 'multi', options: OPTIONS });
  expect(stopped).toMatchObject({
    exitCode: 4,
    json: { result: 'partial', error: { code: 'late-message-missing' } },
  });
  await run.change('NEW', { max_msg_size: -1 });
  isDone(await resume(run.environment));
  expect(await texts('NEW')).toEqual([large]);
});

it('one that was let go before it came to the origin is known by its id', async () => {
  whenTaken(async (inOld) => {
    await publish('twice', 'id');
    await inOld(() => publish('twice', 'id'));
  });
  isDone(await migrate(run.environment, { to: 'multi', options: OPTIONS }));
  expect(noticed('late-message')).toHaveLength(1);
  expect(await texts('NEW')).toEqual(['twice']);
  expect(await texts('OLD')).toEqual([]);
});

it('an origin that denies deletes keeps it, and whoever looks is told what comes of that', async () => {
  whenTaken(async (inOld) => {
    await run.change('OLD', { deny_delete: true });
    await inOld(() => publish('late'));
  });
  isDone(await migrate(run.environment, { to: 'multi', options: OPTIONS }));
  expect(noticed('late-message-stays')).toHaveLength(1);
  expect([await texts('OLD'), await texts('NEW')]).toEqual([['late'], ['late']]);
});
