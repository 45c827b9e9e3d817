import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makePlan, OpsError, standInOf } from '@aa-ops/topology';
import { resume } from '../../../cli/src/runbook/migrate.ts';
import { replace } from '../../../cli/src/runbook/replace/replace.ts';
import { StateStore } from '../../../cli/src/saga/stateStore.ts';
import { startRun, type TestRun } from '../../support/runs.ts';
import { topologyOf, withStream } from '../../support/topologies.ts';

const topology = topologyOf('stale', {
  single: { subjects: { OLD: ['x.>'] }, consumers: { w: { stream: 'OLD', filters: ['x.>'] } } },
});
const wanted = structuredClone(withStream(topology, 'OLD', { storage: 'memory' }));
wanted.consumers['w']!.ack_policy = 'all';

type Change = Parameters<typeof replace>[1];
type Kind = 'stream' | 'consumer';
let run: TestRun;
let planned: Record<Kind, Change>;

beforeEach(async () => {
  run = await startRun(topology);
  for (let n = 1; n <= 5; n++) await run.account.connection.request('x.a', `${n}`);
  const { changes } = await makePlan(run.account, wanted);
  const of = (kind: Kind) => changes.find((one) => one.kind === kind && one.action === 'replace') as Change;
  planned = { stream: of('stream'), consumer: of('consumer') };
});
afterEach(() => run.stop());

const remake = (kind: Kind, with_: Partial<TestRun['environment']> = {}) =>
  replace({ ...run.environment, topology: wanted, ...with_ }, planned[kind]);

/** The account has each message once, and no run that waits for anybody. */
async function expectWhole(messages = 5): Promise<void> {
  expect((await run.account.stream('OLD'))!.state.messages).toBe(messages);
  expect(await run.account.stream(standInOf('OLD'))).toBeUndefined();
  expect(await (await StateStore.open(run.account, wanted)).openRun()).toBeUndefined();
}

describe('a plan that somebody else has made true meanwhile', () => {
  it('makes no stream anew a second time', async () => {
    expect(await remake('stream')).toMatchObject({ exitCode: 0 });
    await expect(remake('stream')).rejects.toMatchObject({ code: 'plan-stale', kind: 'refused' });
    await expectWhole();
  });

  it('makes no durable anew a second time', async () => {
    expect(await remake('consumer')).toMatchObject({ exitCode: 0 });
    await expect(remake('consumer')).rejects.toMatchObject({ code: 'plan-stale', kind: 'refused' });
    await expectWhole();
  });

  it('is not said to be done where the durable was made anew, but not as it is wanted', async () => {
    expect(await remake('stream')).toMatchObject({ exitCode: 0 });
    await expect(remake('consumer')).rejects.toMatchObject({ code: 'plan-stale' });
    expect((await run.account.consumer('OLD', 'w'))!.config.ack_policy).toBe('explicit');
    await expectWhole();
  });

  it('is stale where only the configuration is another one', async () => {
    await run.change('OLD', { max_msgs: 1_000 });
    await expect(remake('stream')).rejects.toMatchObject({ code: 'plan-stale', kind: 'refused' });
    await expectWhole();
  });
});

describe('a stream that somebody else makes anew while its messages are in the stand-in', () => {
  it('is not taken for the new one', async () => {
    const stopping = new AbortController();
    const notify: TestRun['environment']['host']['notify'] = ({ code, data }) => {
      if (code === 'step-done' && data?.['step'] === 'hand-out')
        stopping.abort(new OpsError('interrupted', 'interrupted', { kind: 'interrupted' }));
    };
    const stopped = remake('stream', { host: { notify }, signal: stopping.signal });
    await expect(stopped).rejects.toMatchObject({ code: 'interrupted' });
    const { config } = (await run.account.stream('OLD'))!;
    await run.account.deleteStream('OLD');
    await run.account.createStream(config);

    const environment = { ...run.environment, topology: wanted };
    expect(await resume(environment)).toMatchObject({ exitCode: 4, error: { code: 'stream-foreign' } });
    expect((await run.account.stream('OLD'))!.config.storage).toBe('file');
    await run.account.deleteStream('OLD'); // as the hint has it
    expect(await resume(environment)).toMatchObject({ exitCode: 0 });
    expect((await run.account.stream('OLD'))!.config.storage).toBe('memory');
    await expectWhole();
  });
});
