import { afterEach, expect, it, vi } from 'vitest';
import { listKeys, readKey, realSubjects, STATE_BUCKET, type Topology, writeKey } from '@aa-ops/topology';
import type { RunDocument, StepId } from '../../../cli/src/saga/runDocument.ts';
import { migrate, resume } from '../../../cli/src/runbook/migrate.ts';
import { rollBack } from '../../../cli/src/runbook/rollBack.ts';
import { OPTIONS, startRun, type TestRun } from '../../support/runs.ts';
import { topologyOf } from '../../support/topologies.ts';

let run: TestRun;
afterEach(() => run.stop());

const modes = topologyOf('again', {
  single: { subjects: { OLD: ['x.>', 'y.>'] } },
  multi: { subjects: { NEW: ['x.>'], OTHER: ['y.>'] } },
});
const heardBy = async (stream: string): Promise<string[]> =>
  realSubjects((await run.account.stream(stream))?.config.subjects);
const go = (to: string, pauseBefore?: StepId) =>
  migrate(run.environment, { to, options: OPTIONS, ...(pauseBefore ? { pauseBefore } : {}) });

it.each(['handover', 'verify'] as const)(
  'rollback, typed again behind one of a run that stopped before %s, goes no further back',
  async (step) => {
    run = await startRun(modes);
    expect(await go('multi')).toMatchObject({ json: { result: 'done' } });
    expect(await go('single', step)).toMatchObject({ exitCode: 4 });
    expect(await rollBack(run.environment)).toMatchObject({ exitCode: 0, json: { to: 'multi' } });
    expect(await rollBack(run.environment)).toMatchObject({ exitCode: 0, json: { result: 'unchanged' } });
    expect(await heardBy('NEW')).toEqual(['x.>']);
  },
);

it('goes back by the last one that was done, where the one behind it took itself back', async () => {
  run = await startRun(modes);
  expect(await go('multi')).toMatchObject({ json: { result: 'done' } });
  const { account } = run;
  const updateStream: typeof account.updateStream = (config) =>
    config.name === 'OLD' && config.sources?.length
      ? Promise.reject(new Error('no sources'))
      : account.updateStream(config);
  run.environment.account = Object.create(account, {
    updateStream: { value: updateStream },
  }) as typeof account;
  expect(await go('single')).toMatchObject({ exitCode: 1, json: { result: 'rolled-back' } });
  run.environment.account = account;
  expect(await rollBack(run.environment)).toMatchObject({ json: { to: 'single', result: 'done' } });
});

it('knows the last migration, though an earlier one was made where the clock is ahead', async () => {
  run = await startRun(modes);
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 600_000 });
  try {
    expect(await go('multi')).toMatchObject({ json: { result: 'done' } });
    expect(await rollBack(run.environment)).toMatchObject({ json: { to: 'single', result: 'done' } });
  } finally {
    vi.useRealTimers();
  }
  expect(await go('multi')).toMatchObject({ json: { result: 'done' } });
  expect(await rollBack(run.environment)).toMatchObject({ json: { to: 'single', result: 'done' } });
});

it('goes no further back behind a way back that went by itself and was finished by hand', async () => {
  run = await startRun(modes);
  expect(await go('multi')).toMatchObject({ json: { result: 'done' } });
  expect(await go('single', 'verify')).toMatchObject({ exitCode: 4 });
  expect(await rollBack(run.environment, { pauseBefore: 'verify' })).toMatchObject({ exitCode: 4 });
  // As --auto-rollback leaves it: nobody has typed rollback so far.
  const key = 'again.run.';
  for (const name of await listKeys(run.account, STATE_BUCKET, key)) {
    const found = await readKey<RunDocument>(run.account, STATE_BUCKET, name);
    const { askedBack: _asked, ...forward } = found!.value;
    if (forward.to === 'single') await writeKey(run.account, STATE_BUCKET, name, forward);
  }
  expect(await rollBack(run.environment)).toMatchObject({ json: { to: 'multi', result: 'done' } });
  expect(await rollBack(run.environment)).toMatchObject({ json: { result: 'unchanged' } });
});

it('refuses to turn round a run that moves subjects inside a mode and has released some: only the file knows where they were', async () => {
  run = await startRun(topologyOf('inside', { single: { subjects: { A: ['x.>'], B: ['y.>'] } } }));
  const moved: Topology = topologyOf('inside', { single: { subjects: { C: ['x.>'], D: ['y.>'] } } });
  run.environment.topology = { ...moved, streams: { ...run.environment.topology.streams, ...moved.streams } };
  for (const name of ['C', 'D'])
    await run.account.createStream({ name, subjects: [`_aa-ops.closed.${name}`] });
  const moving = await go('single', 'verify');
  expect(moving, JSON.stringify(moving.error)).toMatchObject({ exitCode: 4 });
  const refused = rollBack(run.environment);
  await expect(refused).rejects.toMatchObject({ code: 'nothing-to-roll-back', kind: 'refused' });
  expect([await heardBy('C'), await heardBy('D')]).toEqual([['x.>'], ['y.>']]);
  expect(await resume(run.environment)).toMatchObject({ exitCode: 0, json: { result: 'done' } });
});
