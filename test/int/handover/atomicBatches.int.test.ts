import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makePlan, newHeaders, standInOf, type StreamConfig } from '@aa-ops/topology';
import { migrate } from '../../../cli/src/runbook/migrate.ts';
import type { RunOutcome } from '../../../cli/src/runbook/outcome.ts';
import { replace } from '../../../cli/src/runbook/replace/replace.ts';
import { rollBack } from '../../../cli/src/runbook/rollBack.ts';
import { OPTIONS, startRun, type TestRun } from '../../support/runs.ts';
import { topologyOf } from '../../support/topologies.ts';

const topology = topologyOf('batches', {
  single: { subjects: { OLD: ['x.>'] }, consumers: { w: { stream: 'OLD', filters: ['x.>'] } } },
  multi: { subjects: { NEW: ['x.>'] }, consumers: { w: { stream: 'NEW', filters: ['x.>'] } } },
});

let run: TestRun;
beforeEach(async () => {
  run = await startRun(topology);
});
afterEach(() => run.stop());

const change = async (stream: string, fields: Partial<StreamConfig>): Promise<void> => {
  const { config } = (await run.account.stream(stream))!;
  await run.account.updateStream({ ...config, ...fields });
};

async function publishBatch(size: number): Promise<void> {
  for (let n = 1; n <= size; n++) {
    const headers = newHeaders();
    headers.set('Nats-Batch-Id', 'one');
    headers.set('Nats-Batch-Sequence', `${n}`);
    if (n === size) headers.set('Nats-Batch-Commit', '1');
    await run.account.connection.request('x.a', `${n}`, { headers, timeout: 5_000 });
  }
}

/** OLD with its messages in memory, as `apply --replace` does it. */
async function replaceOld(): Promise<RunOutcome> {
  const wanted = { ...topology, streams: { ...topology.streams, OLD: { storage: 'memory' as const } } };
  const { changes } = await makePlan(run.account, wanted);
  const change = changes.find(({ name, action }) => name === 'OLD' && action === 'replace');
  return replace({ ...run.environment, topology: wanted }, change as Parameters<typeof replace>[1]);
}

const heardBy = async (stream: string): Promise<string[] | undefined> =>
  (await run.account.stream(stream))?.config.subjects;

describe('atomic batches, whose headers a source takes away', () => {
  it('are handed over and back, and the copies are what they should be', async () => {
    for (const stream of ['OLD', 'NEW']) await change(stream, { allow_atomic: true });
    await publishBatch(3);
    const outcome = await migrate(run.environment, { to: 'multi', options: { ...OPTIONS, copy: 'all' } });
    expect(outcome, JSON.stringify(outcome.json.shortcomings)).toMatchObject({ exitCode: 0 });
    await publishBatch(2);
    expect(await rollBack(run.environment)).toMatchObject({ exitCode: 0 });
    expect((await run.account.stream('OLD'))!.state.messages).toBe(5);
  });

  it('do not keep a stream from being made anew, and are taken all the time', async () => {
    await change('OLD', { allow_atomic: true });
    await publishBatch(3);
    let standIn: StreamConfig | undefined;
    const { host } = run.environment;
    run.environment.host = {
      notify(notice) {
        host.notify(notice);
        if (notice.data?.['step'] !== 'hand-out' || notice.code !== 'step-started') return;
        void run.account.stream(standInOf('OLD')).then((info) => void (standIn = info?.config));
      },
    };
    expect(await replaceOld()).toMatchObject({ exitCode: 0, json: { result: 'done' } });
    expect(standIn).toMatchObject({ allow_atomic: true });
    expect((await run.account.stream('OLD'))!).toMatchObject({
      config: { storage: 'memory', subjects: ['x.>'] },
      state: { messages: 3 },
    });
  });
});

describe('a stand-in that does not hold everything', () => {
  it('gets no subject: the run is taken back before it', { timeout: 120_000 }, async () => {
    const { account } = run;
    const messages = 30_000;
    for (let n = 0; n < messages; n++) account.connection.publish('x.a', `${n}`);
    await account.connection.flush();
    // Somebody deletes a copy while the others are on their way.
    const deleted = (async () => {
      for (;;) {
        const info = await account.stream(standInOf('OLD'));
        if ((info?.state.messages ?? 0) > 0) return account.deleteMessage(standInOf('OLD'), 1);
      }
    })();
    const outcome = await replaceOld();
    await deleted;
    expect(outcome).toMatchObject({
      exitCode: 1,
      json: { result: 'rolled-back', error: { code: 'copy-incomplete' } },
    });
    expect(outcome.error?.message).toContain('1 missing');
    expect(await heardBy('OLD')).toEqual(['x.>']);
    expect((await account.stream('OLD'))!.state.messages).toBe(messages);
    expect(await heardBy(standInOf('OLD'))).toBeUndefined();
  });
});
