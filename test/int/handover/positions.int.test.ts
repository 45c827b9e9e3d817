import { afterEach, describe, expect, it } from 'vitest';
import { type ConsumerInfo, newHeaders, readRange, type Topology } from '@aa-ops/topology';
import { migrate, resume } from '../../../cli/src/runbook/migrate.ts';
import { rollBack } from '../../../cli/src/runbook/rollBack.ts';
import { STEP_IDS } from '../../../cli/src/saga/runDocument.ts';
import { OPTIONS, startRun, type TestRun } from '../../support/runs.ts';
import { seedTopology, topologyOf } from '../../support/topologies.ts';

const decoder = new TextDecoder();
let run: TestRun;
afterEach(() => run.stop());

const publish = async (subject: string, text: string, id?: string): Promise<void> => {
  const headers = newHeaders();
  if (id !== undefined) headers.set('Nats-Msg-Id', id);
  await run.account.connection.request(subject, text, { headers, timeout: 5_000 });
};
const publishMany = async (subject: string, from: number, to: number): Promise<void> => {
  for (let n = from; n <= to; n++) await publish(subject, `${subject} ${n}`);
};

/** Takes up to `count` messages of a durable in one pull; `settle` says which are acked. */
async function work(
  stream: string,
  durable: string,
  count: number,
  settle: (text: string) => boolean,
): Promise<string[]> {
  const consumer = await run.account.connection.jetstream().consumers.get(stream, durable);
  const texts: string[] = [];
  for await (const message of await consumer.fetch({ max_messages: count, expires: 1_000 })) {
    const text = decoder.decode(message.data);
    texts.push(text);
    if (settle(text)) await message.ackAck();
  }
  return texts;
}

const go = async (mode: 'multi' | 'single'): Promise<void> => {
  const outcome =
    mode === 'multi'
      ? await migrate(run.environment, { to: 'multi', options: OPTIONS })
      : await rollBack(run.environment);
  expect(outcome, JSON.stringify(outcome.json)).toMatchObject({
    exitCode: 0,
    json: { result: 'done', to: mode },
  });
};

const two: Topology = topologyOf('positions', {
  single: {
    subjects: { OLD: ['x.>'] },
    consumers: { quick: { stream: 'OLD', filters: ['x.a'] }, late: { stream: 'OLD', filters: ['x.>'] } },
  },
  multi: {
    subjects: { NEW: ['x.>'] },
    consumers: { quick: { stream: 'NEW', filters: ['x.a'] }, late: { stream: 'NEW', filters: ['x.>'] } },
  },
});

describe('several durables, one of them far behind', () => {
  it('each goes on at its own first unworked message, over two cycles', async () => {
    run = await startRun(two);
    await publishMany('x.a', 1, 40);
    expect(await work('OLD', 'quick', 40, () => true)).toHaveLength(40);
    expect(await work('OLD', 'late', 5, (text) => text !== 'x.a 3')).toHaveLength(5); // 3 stays unacked
    for (const turn of [1, 2]) {
      for (const [mode, stream] of [
        ['multi', 'NEW'],
        ['single', 'OLD'],
      ] as const) {
        await go(mode);
        await publishMany(
          'x.a',
          100 * turn + (mode === 'multi' ? 0 : 50),
          100 * turn + (mode === 'multi' ? 4 : 54),
        );
        // Up to date: only what is new comes, not days again.
        expect(await work(stream, 'quick', 100, () => true), `${mode} ${turn}`).toHaveLength(5);
        const { num_pending } = (await run.account.consumer(stream, 'late'))!;
        expect(num_pending).toBeGreaterThanOrEqual(38);
      }
    }
    const seen = new Set(await work('OLD', 'late', 1_000, () => true));
    for (let n = 6; n <= 40; n++) expect(seen).toContain(`x.a ${n}`);
    expect(seen).toContain('x.a 3');
    for (const n of [100, 150, 200, 250]) expect(seen).toContain(`x.a ${n}`);
  });
});

describe('messages that used up their deliveries', () => {
  it('pin the floor for ever, and do not bring everything back', async () => {
    run = await startRun({
      ...two,
      consumers: { ...two.consumers, late: { ...two.consumers['late'], max_deliver: 1, ack_wait: 200e6 } },
    });
    await publishMany('x.a', 1, 30);
    await work('OLD', 'late', 30, (text) => text !== 'x.a 2');
    const exhausted = async (): Promise<ConsumerInfo> => {
      for (;;) {
        const info = (await run.account.consumer('OLD', 'late'))!;
        if (info.num_ack_pending === 0) return info;
        await work('OLD', 'late', 1, () => true);
      }
    };
    expect((await exhausted()).ack_floor.stream_seq).toBe(1);
    await work('OLD', 'quick', 30, () => true);
    await go('multi');
    await publishMany('x.a', 31, 32);
    expect(await work('NEW', 'late', 100, () => true)).toEqual(['x.a 31', 'x.a 32']);
  });
});

describe('one message id twice, further apart than the duplicate window', () => {
  it('both come over, and the window is as it was', async () => {
    const short = structuredClone(two);
    for (const fields of Object.values(short.streams)) fields.duplicate_window = 300e6;
    run = await startRun(short);
    await publish('x.b', 'first', 'again');
    const second = async (): Promise<void> => {
      for (;;) {
        await publish('x.b', 'second', 'again');
        if ((await run.account.stream('OLD'))!.state.messages === 2) return;
      }
    };
    await second();
    await go('multi');
    const texts: string[] = [];
    for await (const batch of readRange(run.account, 'NEW', { fromSeq: 1, filters: ['x.>'] })) {
      texts.push(...batch.map(({ data }) => decoder.decode(data)));
    }
    expect(texts).toEqual(['first', 'second']);
    expect((await run.account.stream('NEW'))!.config.duplicate_window).toBe(300e6);
  });
});

describe('subjects moved inside the mode that is live', () => {
  it('are handed over by migrate to the same mode', async () => {
    run = await startRun(seedTopology);
    await publishMany('sleep.scored', 1, 5);
    const moved = structuredClone(seedTopology);
    moved.modes['single']!.subjects['ATHLETE_ALLY_EVENTS'] = ['athlete-ally.>', 'vendor.oura.>'];
    moved.modes['single']!.subjects['AA_CORE_HOT'] = ['sleep.*'];
    run.environment.topology = moved;
    const outcome = await migrate(run.environment, { to: 'single', options: { ...OPTIONS, copy: 'all' } });
    expect(outcome).toMatchObject({ exitCode: 0, json: { result: 'done' } });
    expect((await run.account.stream('AA_CORE_HOT'))!.config.subjects).toEqual(['sleep.*']);
    expect((await run.account.subjectCounts('AA_CORE_HOT', 'sleep.*')).get('sleep.scored')).toBe(5);
  });
});

describe('a pause before each step', () => {
  it('then goes on, and the next one is turned round', { timeout: 120_000 }, async () => {
    run = await startRun(seedTopology);
    for (const step of STEP_IDS) {
      const paused = await migrate(run.environment, { to: 'multi', options: OPTIONS, pauseBefore: step });
      expect(paused, step).toMatchObject({ exitCode: 4, json: { result: 'partial', pausedBefore: step } });
      const back = await rollBack(run.environment);
      expect(back, step).toMatchObject({ exitCode: 0, json: { command: 'rollback', to: 'single' } });
      await publish('sleep.scored', `after ${step}`);
    }
    const paused = await migrate(run.environment, { to: 'multi', options: OPTIONS, pauseBefore: 'handover' });
    expect(paused.exitCode).toBe(4);
    expect(await resume(run.environment)).toMatchObject({
      exitCode: 0,
      json: { result: 'done', to: 'multi' },
    });
  });
});
