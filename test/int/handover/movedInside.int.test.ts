import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Topology } from '@aa-ops/topology';
import type { StepId } from '../../../cli/src/saga/runDocument.ts';
import { migrate, resume } from '../../../cli/src/runbook/migrate.ts';
import { rollBack } from '../../../cli/src/runbook/rollBack.ts';
import { OPTIONS, startRun, type TestRun } from '../../support/runs.ts';
import { topologyOf } from '../../support/topologies.ts';

// The file moves `x.>` and its durable between A and C, inside the only mode: each time, the other stream has one of that name from before.
const streams = topologyOf('inside', { single: { subjects: { A: ['x.>'], C: ['unused'] } } }).streams;
const placedOn = (stream: 'A' | 'C'): Topology => ({
  ...topologyOf('inside', {
    single: { subjects: { [stream]: ['x.>'] }, consumers: { w: { stream, filters: ['x.>'] } } },
  }),
  streams,
});

let run: TestRun;
beforeEach(async () => {
  run = await startRun(placedOn('A'));
  if (!(await run.account.stream('C')))
    await run.account.createStream({ name: 'C', subjects: ['_aa-ops.closed.C'] });
});
afterEach(() => run.stop());

const publish = async (count: number): Promise<void> => {
  for (let n = 0; n < count; n += 1) await run.account.connection.request('x.a', 'text', { timeout: 2_000 });
};
const move = (stream: 'A' | 'C', pauseBefore?: StepId) => {
  run.environment.topology = placedOn(stream);
  return migrate(run.environment, {
    to: 'single',
    options: OPTIONS,
    ...(pauseBefore ? { pauseBefore } : {}),
  });
};
/** How many messages the durable is still to be given. */
const pending = async (stream: string): Promise<number> =>
  (await run.account.consumer(stream, 'w'))!.num_pending;

const work = async (stream: string, count: number): Promise<void> => {
  const js = run.account.connection.jetstream();
  const consumer = await js.consumers.get(stream, 'w');
  for (let n = 0; n < count; n += 1) await (await consumer.next({ expires: 2_000 }))!.ackAck();
};

it('what it has not worked is not left behind, though one of an earlier try stands there and its copies are gone', async () => {
  await publish(5);
  expect(await move('C', 'config')).toMatchObject({ exitCode: 4 });
  expect(await rollBack(run.environment)).toMatchObject({ json: { result: 'done' } }); // 5: it is not as the file says
  await run.account.purge('C', 'x.>', (await run.account.stream('C'))!.state.last_seq + 1);
  await publish(1);
  await expect(move('C')).rejects.toMatchObject({ code: 'unacked-without-copy' });
  await work('A', 5);
  expect(await move('C')).toMatchObject({ json: { result: 'done', consumers: [{ name: 'w' }] } });
  expect(await pending('C')).toBe(1);
});

it('what it has worked is not given to it again, there or back', async () => {
  await publish(5);
  expect(await move('C', 'config')).toMatchObject({ exitCode: 4 });
  expect(await rollBack(run.environment)).toMatchObject({ json: { result: 'done' } }); // 5: it is not as the file says
  await work('A', 5);
  expect(await move('C', 'handover')).toMatchObject({ exitCode: 4 });
  expect(await resume(run.environment)).toMatchObject({ json: { result: 'done' } });
  expect(await pending('C')).toBe(0);
  await publish(2);
  await work('C', 2);
  expect(await move('A')).toMatchObject({ json: { result: 'done' } });
  expect(await pending('A')).toBe(0);
});

it('behind its release there is only the way forward, and that is all that is named', async () => {
  const next = 'aa-ops migrate --resume goes on';
  expect(await move('C', 'verify')).toMatchObject({ exitCode: 4, json: { pausedBefore: 'verify', next } });
  await expect(move('C')).rejects.toMatchObject({ code: 'run-open', hint: next });
  await expect(rollBack(run.environment)).rejects.toMatchObject({ code: 'nothing-to-roll-back' });
  expect(await resume(run.environment)).toMatchObject({ json: { result: 'done' } });
});
