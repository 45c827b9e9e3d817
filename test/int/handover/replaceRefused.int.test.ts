import { afterEach, describe, expect, it } from 'vitest';
import { type JetStreamWriter, makePlan, type Topology } from '@aa-ops/topology';
import { resume } from '../../../cli/src/runbook/migrate.ts';
import { replace } from '../../../cli/src/runbook/replace/replace.ts';
import type { RunOutcome } from '../../../cli/src/runbook/outcome.ts';
import { StateStore } from '../../../cli/src/saga/stateStore.ts';
import { limited, startRun, type TestRun } from '../../support/runs.ts';
import { topologyOf, withStream } from '../../support/topologies.ts';

const plain = topologyOf('refused', {
  single: { subjects: { OLD: ['x.>'] }, consumers: { w: { stream: 'OLD', filters: ['x.>'] } } },
});
const topology = withStream(plain, 'OLD', { max_bytes: 10 << 20 });
const inMemory = withStream(topology, 'OLD', { storage: 'memory' });

let run: TestRun;
let created: string;
afterEach(() => run.stop());

async function start(...nats: [Parameters<typeof startRun>[1]?]): Promise<void> {
  run = await startRun(topology, ...nats);
  for (let n = 1; n <= 5; n++) await run.account.connection.request('x.a', `${n}`);
  created = (await run.account.stream('OLD'))!.created;
}

/** As `apply --replace` does it; `account`: another one than the run's own. */
async function remake(wanted: Topology, account: JetStreamWriter = run.account): Promise<RunOutcome> {
  const { changes } = await makePlan(run.account, wanted);
  const change = changes.find(({ action }) => action === 'replace') as Parameters<typeof replace>[1];
  return replace({ ...run.environment, account, topology: wanted }, change);
}

/** Every message and the durable's place are there, nothing of ours is left, and nothing waits for anybody. */
async function expectWhole(): Promise<void> {
  const old = (await run.account.stream('OLD'))!;
  expect(old.config).toMatchObject({ storage: 'file', subjects: ['x.>'], max_bytes: 10 << 20 });
  expect(old.state.messages).toBe(5);
  expect((await run.account.consumer('OLD', 'w'))!.num_pending).toBe(5);
  const streams = (await run.account.listStreams()).map(({ config }) => config.name);
  expect(streams.filter((name) => name.startsWith('OLD'))).toEqual(['OLD']);
  expect(await (await StateStore.open(run.account, run.environment.topology)).openRun()).toBeUndefined();
}
const expectUntouched = async (): Promise<void> => {
  await expectWhole();
  expect((await run.account.stream('OLD'))!.created).toBe(created);
};

describe('a configuration that the server does not take', () => {
  it('is refused by the plan where the account could not reserve it', async () => {
    await start(limited('max_mem: 1MB, max_file: 1GB'));
    await expect(remake(inMemory)).rejects.toMatchObject({ kind: 'refused', message: /reserved memory/ });
    await expectUntouched();
  });

  it('is tried before anything is handed over: a limit of the server that the account does not show', async () => {
    await start({ config: 'jetstream { max_memory_store: 1MB }' });
    const outcome = await remake(inMemory);
    expect(outcome).toMatchObject({ exitCode: 1, json: { result: 'rolled-back' } });
    expect(outcome.error!.code).toBe('jetstream-10028');
    await expectUntouched();
  });

  it('is refused by the plan where its durables would be too many', async () => {
    await start();
    const few = withStream(inMemory, 'OLD', { max_consumers: 1 });
    await expect(remake(few)).rejects.toMatchObject({ kind: 'refused', message: /maxConsumers is 1/ });
    await expectUntouched();
  });

  it('is tried with its durables', async () => {
    await start();
    const strict = withStream(inMemory, 'OLD', { consumer_limits: { max_ack_pending: 10 } });
    const outcome = await remake(strict);
    expect(outcome).toMatchObject({ exitCode: 1, json: { result: 'rolled-back' } });
    await expectUntouched();
  });
});

it('a stream whose making is refused although its trial was taken comes back as it was, with everything', async () => {
  await start(limited('max_mem: 11MB, max_file: 1GB'));
  const { account } = run;
  /** Somebody else takes the room as soon as the old one has gone. */
  const deleteStream = async (name: string): Promise<void> => {
    await account.deleteStream(name);
    if (name === 'OLD')
      await account.createStream({ name: 'OTHER', subjects: ['o'], storage: 'memory', max_bytes: 5 << 20 });
  };
  const crowded = Object.create(account, { deleteStream: { value: deleteStream } }) as JetStreamWriter;
  const outcome = await remake(inMemory, crowded);
  expect(outcome).toMatchObject({ exitCode: 5, json: { result: 'done' } });
  expect(outcome.json.shortcomings).toEqual([expect.stringContaining('err_code 10028')]);
  await expectWhole();
});

it('a run that dies when it is about to delete the old stream goes on with that, and copies nothing back into it', async () => {
  await start();
  const { account } = run;
  const deleteStream = async (name: string): Promise<void> => {
    if (name === 'OLD') throw new Error('died');
    await account.deleteStream(name);
  };
  const dying = Object.create(account, { deleteStream: { value: deleteStream } }) as JetStreamWriter;
  expect(await remake(inMemory, dying)).toMatchObject({ json: { result: 'partial' } });
  expect((await account.stream('OLD'))!.created).toBe(created);
  const outcome = await resume({ ...run.environment, topology: inMemory });
  expect(outcome, JSON.stringify(outcome.json)).toMatchObject({ exitCode: 0, json: { result: 'done' } });
  const anew = (await account.stream('OLD'))!;
  expect(anew.created).not.toBe(created);
  expect(anew).toMatchObject({ config: { storage: 'memory' }, state: { messages: 5 } });
  expect((await account.consumer('OLD', 'w'))!.num_pending).toBe(5);
});

it('a stream that reserves most of its account is made anew in the room that it leaves', async () => {
  await start(limited('max_mem: 1MB, max_file: 15MB'));
  const outcome = await remake(withStream(topology, 'OLD', { retention: 'workqueue' }));
  expect(outcome, JSON.stringify(outcome.json)).toMatchObject({ exitCode: 0 });
  expect((await run.account.stream('OLD'))!.config).toMatchObject({
    retention: 'workqueue',
    max_bytes: 10 << 20,
  });
});

it('a work queue of which nobody claims a part is not made: its way back would be refused', async () => {
  await start();
  await run.change('OLD', { subjects: ['x.>', 'y'] });
  const wider = structuredClone(withStream(topology, 'OLD', { retention: 'workqueue' }));
  wider.modes['single']!.subjects['OLD'] = ['x.>', 'y'];
  await expect(remake(wider)).rejects.toMatchObject({
    kind: 'refused',
    message: /no durable of it claims all of y/,
  });
  expect((await run.account.stream('OLD'))!.created).toBe(created);
});
