import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type JetStreamWriter, type OpsError } from '@aa-ops/topology';
import { migrate, resume } from '../../../cli/src/runbook/migrate.ts';
import { rollBack } from '../../../cli/src/runbook/rollBack.ts';
import { newRun, type RunDocument } from '../../../cli/src/saga/runDocument.ts';
import { StateStore } from '../../../cli/src/saga/stateStore.ts';
import { OPTIONS, startRun, type TestRun } from '../../support/runs.ts';
import { seedTopology } from '../../support/topologies.ts';

let run: TestRun;
beforeEach(async () => {
  run = await startRun(seedTopology);
});
afterEach(() => run.stop());

const HELD = { assertHeld: async () => {} };
const held = async (): Promise<StateStore> => {
  const store = await StateStore.open(run.account, seedTopology);
  await store.heldBy(HELD);
  return store;
};
const aRun = (): RunDocument =>
  newRun(
    {
      command: 'migrate',
      environment: 'test',
      from: 'single',
      to: 'multi',
      operator: 'alex',
      options: OPTIONS,
    },
    [{ id: 'plan', title: 'Plan' }],
  );
const errorOf = (promise: Promise<unknown>): Promise<OpsError | undefined> =>
  promise.then(
    () => undefined,
    (error: OpsError) => error,
  );

/** As by hand: whoever holds the lease is not asked. */
async function takeAway(): Promise<StateStore> {
  const store = await StateStore.open(run.account, seedTopology);
  for (;;) {
    const { revision } = (await store.lease())!;
    if (await store.writeLease(null, revision).catch(() => undefined)) return store;
  }
}

describe('a process that was overtaken', () => {
  it('stores nothing over what its successor has begun, wrongly sure that it still holds the lease', async () => {
    const before = await held();
    const begun = aRun();
    await before.openNewRun(begun);
    const after = await held();
    for (const write of [
      () => before.saveRun({ ...begun, reason: 'stale' }),
      () => before.closeRun({ ...begun, status: 'rolled-back' }),
      () =>
        before.saveMemory({ nextStarts: [{ origin: 'A', target: 'B', filters: ['a'], seq: 1 }], blocks: [] }),
      () => before.openNewRun(aRun()),
    ]) {
      expect(await errorOf(write())).toMatchObject({ code: 'lease-lost', kind: 'partial' });
    }
    expect(await after.openRun()).toEqual(begun);
    const entry = { n: 1, at: '', effect: 'window', phase: 'started' as const, data: null };
    expect(await after.appendEntry(begun.id, entry)).toBe(true);
    expect(await before.appendEntry(begun.id, { ...entry, effect: 'stale' })).toBe(false);
    expect(await after.journal(begun.id)).toEqual([entry]);
  });

  it('closes its own run only', async () => {
    const store = await held();
    const [first, second] = [aRun(), aRun()];
    await store.openNewRun(first);
    await store.openNewRun(second);
    await store.closeRun({ ...first, status: 'done' });
    expect((await store.openRun())!.id).toBe(second.id);
  });

  it('takes nothing back: the run stays as its successor has ended it, and can be rolled back', async () => {
    const { account, environment } = run;
    let wake!: () => void;
    const asleep = new Promise<void>((resolve) => (wake = resolve));
    let isAsleep = false;
    const slow = Object.create(account, {
      message: {
        value: async (...args: Parameters<JetStreamWriter['message']>) => {
          if (isAsleep) await asleep;
          return account.message(...args);
        },
      },
    }) as JetStreamWriter;
    const overtaken = errorOf(
      migrate(
        {
          ...environment,
          account: slow,
          host: {
            notify: ({ code, data }) =>
              void (isAsleep ||= code === 'step-started' && data?.['step'] === 'consumers'),
          },
        },
        { to: 'multi', options: OPTIONS },
      ),
    );
    while (!isAsleep) await delay(10);
    const store = await takeAway();
    expect(await resume(environment)).toMatchObject({ exitCode: 0, json: { result: 'done' } });
    const ended = (await store.runs()).at(-1);
    wake();
    expect(await overtaken).toMatchObject({ code: 'lease-lost', kind: 'partial' });
    expect((await overtaken)!.hint).toContain('aa-ops migrate --resume');
    expect((await store.runs()).at(-1)).toEqual(ended);
    expect(await rollBack(environment)).toMatchObject({
      exitCode: 0,
      json: { result: 'done', to: 'single' },
    });
  });
});
