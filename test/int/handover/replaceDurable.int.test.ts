import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type ConsumerConfig,
  type JetStreamWriter,
  makePlan,
  OpsError,
  type Topology,
} from '@aa-ops/topology';
import { resume } from '../../../cli/src/runbook/migrate.ts';
import type { RunOutcome } from '../../../cli/src/runbook/outcome.ts';
import { replace } from '../../../cli/src/runbook/replace/replace.ts';
import { rollBack } from '../../../cli/src/runbook/rollBack.ts';
import { startRun, type TestRun } from '../../support/runs.ts';
import { topologyOf } from '../../support/topologies.ts';

const topology = topologyOf('durable', {
  single: { subjects: { OLD: ['x.>'] }, consumers: { w: { stream: 'OLD', filters: ['x.>'] } } },
});

let run: TestRun;
let wanted: Topology;
afterEach(() => run.stop());

/** Takes some, and acks them; answers what came. */
async function work(count: number): Promise<string[]> {
  const consumer = await run.account.connection.jetstream().consumers.get('OLD', 'w');
  const texts: string[] = [];
  for await (const message of await consumer.fetch({ max_messages: count, expires: 1_000 })) {
    texts.push(message.string());
    await message.ackAck();
  }
  return texts;
}

/** Makes `w` anew, as `apply --replace` does it; `error`: its making fails with that. */
async function remake(error?: Error): Promise<RunOutcome> {
  const { account } = run;
  const { changes } = await makePlan(account, wanted);
  const change = changes.find(
    ({ kind, action }) => kind === 'consumer' && action === 'replace',
  ) as Parameters<typeof replace>[1];
  const createConsumer = async (stream: string, config: ConsumerConfig) => {
    if (error && config.ack_policy === 'all') throw error;
    return account.createConsumer(stream, config);
  };
  const failing = Object.create(account, { createConsumer: { value: createConsumer } }) as JetStreamWriter;
  return replace({ ...run.environment, account: failing, topology: wanted }, change);
}

const killed = new OpsError('interrupted', 'killed between two effects', { kind: 'interrupted' });
const policy = async (): Promise<string | undefined> =>
  (await run.account.consumer('OLD', 'w'))?.config.ack_policy;

describe.each(['limits', 'interest', 'workqueue'] as const)('a durable of a stream of %s', (retention) => {
  beforeEach(async () => {
    run = await startRun({
      ...topology,
      streams: { OLD: { ...topology.streams['OLD'], retention } },
    });
    wanted = structuredClone(run.environment.topology);
    wanted.consumers['w']!.ack_policy = 'all';
    for (let n = 1; n <= 6; n++) await run.account.connection.request('x.a', `${n}`);
    await work(2);
  });
  /** It goes on at the first message that it had not acked, and nothing of ours is left. */
  const goesOn = async (): Promise<void> => {
    expect((await run.account.stream('OLD'))!.config).toMatchObject({ retention });
    expect(await work(100)).toEqual(['3', '4', '5', '6']);
  };

  it('whose making is refused stands where it stood', async () => {
    const outcome = await remake(new OpsError('jetstream-refused', 'the server does not like it'));
    expect(outcome).toMatchObject({ exitCode: 1, json: { result: 'rolled-back' } });
    expect(await policy()).toBe('explicit');
    await goesOn();
  });

  it('is put back by whoever rolls such a run back', async () => {
    await expect(remake(killed)).rejects.toMatchObject({ code: 'interrupted' });
    expect(await policy()).toBeUndefined();
    const outcome = await rollBack({ ...run.environment, topology: wanted });
    expect(outcome, JSON.stringify(outcome.json)).toMatchObject({ exitCode: 0 });
    expect(await policy()).toBe('explicit');
    await goesOn();
  });

  if (retention === 'workqueue') return; // it takes explicit acks only (10098): there is nothing to be made anew
  it('goes on at its place once it is made anew', async () => {
    expect(await remake()).toMatchObject({ exitCode: 0 });
    expect(await policy()).toBe('all');
    await goesOn();
  });

  it('is finished by whoever resumes a run that died while it did not stand', async () => {
    await expect(remake(killed)).rejects.toMatchObject({ code: 'interrupted' });
    expect(await policy()).toBeUndefined();
    const outcome = await resume({ ...run.environment, topology: wanted });
    expect(outcome, JSON.stringify(outcome.json)).toMatchObject({ exitCode: 0 });
    expect(await policy()).toBe('all');
    await goesOn();
  });
});
