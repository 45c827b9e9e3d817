import { afterEach, describe, expect, it } from 'vitest';
import { type Finding, type OpsError, readRange } from '@aa-ops/topology';
import { migrate } from '../../../cli/src/runbook/migrate.ts';
import { rollBack } from '../../../cli/src/runbook/rollBack.ts';
import { OPTIONS, startRun, type TestRun } from '../../support/runs.ts';
import { threeIntoTwo, topologyOf } from '../../support/topologies.ts';

let run: TestRun;
afterEach(() => run.stop());

const publish = async (subject: string, count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await run.account.connection.request(subject, new Uint8Array(100));
};
const findingsOf = (error: unknown): Finding[] =>
  ((error as OpsError).details?.['findings'] ?? []) as Finding[];

describe('several origins of one target', () => {
  it('are weighed together: each alone would fit', async () => {
    run = await startRun(threeIntoTwo);
    await publish('bills.paid', 10);
    await publish('audit.login', 10);
    await run.change('BOOKS', { max_msgs: 15 });
    const error: unknown = await migrate(run.environment, {
      to: 'multi',
      options: { ...OPTIONS, copy: 'all' },
    }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ kind: 'refused', code: 'target-messages' });
    expect(
      findingsOf(error)
        .map(({ message }) => message)
        .join(),
    ).toMatch(/brings 20, its maxMsgs is 15/);
  });
});

describe('a way back into a stream that is full', () => {
  const capped = topologyOf('capped', {
    single: { subjects: { OLD: ['x.>'] }, consumers: { w: { stream: 'OLD', filters: ['x.>'] } } },
    multi: { subjects: { NEW: ['x.>'] }, consumers: { w: { stream: 'NEW', filters: ['x.>'] } } },
  });
  it('is not refused where the stream drops its oldest by itself', async () => {
    run = await startRun({
      ...capped,
      streams: { ...capped.streams, OLD: { ...capped.streams['OLD'], max_msgs: 30, discard: 'old' } },
    });
    await publish('x.a', 40);
    expect(await migrate(run.environment, { to: 'multi', options: OPTIONS })).toMatchObject({ exitCode: 0 });
    await publish('x.a', 10);
    const outcome = await rollBack(run.environment);
    expect(outcome, JSON.stringify(outcome.json.error)).toMatchObject({
      exitCode: 0,
      json: { result: 'done' },
    });
    const warned = run.notices.filter(({ code, level }) => code === 'target-messages' && level === 'warn');
    expect(warned.map(({ message }) => message).join()).toMatch(/brings 10, its maxMsgs is 30: about 9/);
    const copied: number[] = [];
    for await (const batch of readRange(run.account, 'OLD', { fromSeq: 1, filters: ['x.>'] }))
      copied.push(...batch.filter(({ headers }) => headers.has('Nats-Stream-Source')).map(({ seq }) => seq));
    expect(copied).toHaveLength(10);
  });
});

describe('a target that the copy would fill to the brim', () => {
  const small = topologyOf('brim', {
    single: { subjects: { OLD: ['x.>'] }, consumers: { w: { stream: 'OLD', filters: ['x.>'] } } },
    multi: { subjects: { NEW: ['x.>'] }, consumers: { w: { stream: 'NEW', filters: ['x.>'] } } },
  });
  const refusedWith = async (code: string): Promise<string> => {
    const error: unknown = await migrate(run.environment, { to: 'multi', options: OPTIONS }).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ kind: 'refused', code });
    return (error as OpsError).message;
  };

  it('has to have room for our own messages, and for what is published meanwhile', async () => {
    run = await startRun(small);
    await publish('x.a', 5);
    await run.change('NEW', { max_msgs: 5 });
    expect(await refusedWith('target-messages')).toMatch(/brings 5, its maxMsgs is 5 and 7 come besides/);
    await run.change('NEW', { max_msgs: 12 });
    expect(await migrate(run.environment, { to: 'multi', options: OPTIONS })).toMatchObject({ exitCode: 0 });
  });

  it('and where it publishes what it stores again, subscribers are told of the copies first', async () => {
    const republish = { src: '>', dest: 'again.>' };
    run = await startRun({
      ...small,
      streams: { ...small.streams, NEW: { ...small.streams['NEW'], republish } },
    });
    await publish('x.a', 5);
    expect(await migrate(run.environment, { to: 'multi', options: OPTIONS })).toMatchObject({ exitCode: 0 });
    const warned = run.notices.find(({ code }) => code === 'copies-republished');
    expect(warned?.message).toMatch(/NEW publishes .* to again\.>\).* about 5 copies/);
  });

  it('and an origin has to take the consumers that read it', async () => {
    run = await startRun({ ...small, streams: { ...small.streams, OLD: { max_consumers: 1 } } });
    await publish('x.a', 5);
    expect(await refusedWith('stream-consumers')).toMatch(/OLD has 1 consumers.*its maxConsumers is 1/);
  });
});
