import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { letGo, newHeaders, openHold, readRange, type StreamMessage } from '@aa-ops/topology';
import { startRun, type TestRun } from '../../support/runs.ts';
import { topologyOf } from '../../support/topologies.ts';

const topology = topologyOf('hold', { one: { subjects: { A: ['a.>'] } }, two: { subjects: { B: ['a.>'] } } });
const decoder = new TextDecoder();
let run: TestRun;
beforeEach(async () => {
  run = await startRun(topology);
});
afterEach(() => run.stop());

/** Nobody owns `a.>` while `publish` runs; then B takes, and what was held is let go. */
async function throughWindow<T>(
  publish: () => Promise<T>[],
): Promise<{ answers: T[]; fates: Awaited<ReturnType<typeof letGo>> }> {
  const { account, settings } = run;
  const hold = await openHold(settings, ['a.>']);
  const [a, b] = await Promise.all([account.stream('A'), account.stream('B')]);
  await account.updateStream({ ...a!.config, subjects: ['_aa-ops.closed.A'] });
  const waiting = publish();
  await vi.waitUntil(() => hold.held.length >= waiting.length, { interval: 5 });
  hold.mark();
  await account.updateStream({ ...b!.config, subjects: ['a.>', '_aa-ops.barrier.t.B'] });
  const held = await hold.end(['_aa-ops.barrier.t.B']);
  await hold.barrier(['_aa-ops.barrier.t.B']);
  const captors = [
    { stream: 'A', fromSeq: a!.state.last_seq + 1, side: 'before' as const },
    { stream: 'B', fromSeq: b!.state.last_seq + 1, side: 'after' as const },
  ];
  const fates = await letGo(account, held, captors, ['a.>']);
  const answers = await Promise.all(waiting);
  await hold.close();
  return { answers, fates };
}

const stored = async (stream: string): Promise<StreamMessage[]> => {
  const all: StreamMessage[] = [];
  for await (const batch of readRange(run.account, stream, { fromSeq: 1, filters: ['a.>'] }))
    all.push(...batch);
  return all;
};

interface Ack {
  stream?: string;
  seq?: number;
  duplicate?: boolean;
  error?: { err_code: number };
}
const publish = async (
  subject: string,
  data: Uint8Array | string,
  headers: Record<string, string> = {},
): Promise<Ack> => {
  const all = newHeaders();
  for (const [name, value] of Object.entries(headers)) all.set(name, value);
  const reply = await run.account.connection.request(subject, data, { headers: all, timeout: 5_000 });
  return JSON.parse(decoder.decode(reply.data)) as Ack;
};

describe('publishes while nobody owns the subjects', () => {
  it('wait, are stored in order with headers and payload, and each is answered once', async () => {
    const big = new Uint8Array(1_000_000 - 500).fill(7);
    const { answers, fates } = await throughWindow(() => [
      publish('a.1', 'first', { 'X-Trace': 'abc' }),
      publish('a.2', ''),
      publish('a.3', big, { 'Nats-Msg-Id': 'big' }),
      publish('a.1', 'last'),
    ]);
    expect(answers.map(({ stream }) => stream)).toEqual(['B', 'B', 'B', 'B']);
    expect(answers.map(({ seq }) => seq)).toEqual(answers.map(({ seq }) => seq).toSorted((x, y) => x! - y!));
    expect(fates.map(({ outcome }) => outcome)).toEqual(['stored', 'stored', 'stored', 'stored']);
    const messages = await stored('B');
    expect(messages.map(({ subject }) => subject)).toEqual(['a.1', 'a.2', 'a.3', 'a.1']);
    expect(messages[0]!.headers.all.get('X-Trace')).toEqual(['abc']);
    expect(messages[1]!.data).toHaveLength(0);
    expect(messages[2]!.data).toEqual(big);
  });

  it('answers each of two publishers of the same message once', async () => {
    const { answers } = await throughWindow(() => [publish('a.1', 'same'), publish('a.1', 'same')]);
    expect(new Set(answers.map(({ seq }) => seq)).size).toBe(2);
    expect(await stored('B')).toHaveLength(2);
  });

  it('keeps a core publish that asks for no ack', async () => {
    await throughWindow(() => {
      run.account.connection.publish('a.core', 'no reply');
      return [];
    });
    expect((await stored('B')).map(({ data }) => decoder.decode(data))).toEqual(['no reply']);
  });

  it('passes expectations on, and the refusal back to the publisher', async () => {
    const { answers, fates } = await throughWindow(() => [
      publish('a.1', 'x', { 'Nats-Expected-Last-Sequence': '4711' }),
      publish('a.1', 'y', { 'Nats-Expected-Stream': 'B' }),
    ]);
    expect(answers[0]!.error?.err_code).toBe(10071);
    expect(answers[1]).toMatchObject({ stream: 'B' });
    expect(fates.map(({ outcome }) => outcome)).toEqual(['refused', 'stored']);
  });
});

describe('held publishes whose subject nobody hears when they are let go', () => {
  it('are answered once they are stored, and not before: not by nobody, nor by somebody who is no stream', async () => {
    const { account, settings } = run;
    const { config } = (await account.stream('A'))!;
    await account.updateStream({ ...config, subjects: ['_aa-ops.closed.A'] });
    const hold = await openHold(settings, ['a.>']);
    const replies: string[] = [];
    account.connection.subscribe('publisher', {
      callback: (_error, { data }) => void replies.push(decoder.decode(data)),
    });
    account.connection.publish('a.1', 'nobody', { reply: 'publisher' });
    account.connection.publish('a.2', 'somebody', { reply: 'publisher' });
    await vi.waitUntil(() => hold.held.length === 2, { interval: 5 });
    const held = await hold.end([]);
    account.connection.subscribe('a.2', { callback: (_error, message) => void message.respond('{}') });
    await account.connection.flush();
    const barrier = async (): Promise<void> => {
      await account.updateStream({ ...config, subjects: ['a.>'] });
    };
    const captors = [{ stream: 'A', fromSeq: 1, side: 'after' as const }];
    const fates = await letGo(account, held, captors, ['a.>'], { barrier });
    await hold.close();
    expect(fates.map(({ outcome }) => outcome)).toEqual(['stored', 'stored']);
    await vi.waitUntil(() => replies.length >= 2, { interval: 5 });
    expect(replies.map((text) => JSON.parse(text) as Ack)).toMatchObject([{ stream: 'A' }, { stream: 'A' }]);
    expect(await stored('A')).toHaveLength(2);
  });
});

describe('publishes that a stream captured by itself', () => {
  it('are not stored twice, with or without an id, before or after the window', async () => {
    const { account, settings } = run;
    const hold = await openHold(settings, ['a.>']);
    const [a, b] = await Promise.all([account.stream('A'), account.stream('B')]);
    await publish('a.before', 'bare');
    await publish('a.before', 'id', { 'Nats-Msg-Id': 'one' });
    await account.updateStream({ ...a!.config, subjects: ['_aa-ops.closed.A'] });
    const waiting = publish('a.within', 'held');
    await vi.waitUntil(() => hold.held.length >= 3, { interval: 5 });
    hold.mark();
    await account.updateStream({ ...b!.config, subjects: ['a.>', '_aa-ops.barrier.t.B'] });
    await publish('a.after', 'bare');
    await publish('a.after', 'id', { 'Nats-Msg-Id': 'two' });
    const held = await hold.end(['_aa-ops.barrier.t.B']);
    await hold.barrier(['_aa-ops.barrier.t.B']);
    const fates = await letGo(
      account,
      held,
      [
        { stream: 'A', fromSeq: a!.state.last_seq + 1, side: 'before' },
        { stream: 'B', fromSeq: b!.state.last_seq + 1, side: 'after' },
      ],
      ['a.>'],
    );
    await waiting;
    await hold.close();
    expect(fates.map(({ outcome }) => outcome)).toEqual([
      'duplicate',
      'duplicate',
      'stored',
      'duplicate',
      'duplicate',
    ]);
    expect((await stored('B')).map(({ subject }) => subject)).toEqual(['a.after', 'a.after', 'a.within']);
    expect(await stored('A')).toHaveLength(2);
  });

  it('are not stored twice where the server writes their headers anew: a TTL that it raises, a trace that is off', async () => {
    const { account, settings } = run;
    const { config } = (await account.stream('A'))!;
    const raises = { allow_msg_ttl: true, subject_delete_marker_ttl: 600e9, allow_rollup_hdrs: true };
    await account.updateStream({ ...config, ...raises });
    const hold = await openHold(settings, ['a.>']);
    await publish('a.1', 'short', { 'Nats-TTL': '60s' });
    await publish('a.1', 'traced', { 'Nats-Trace-Dest': 'trace.here' });
    await vi.waitUntil(() => hold.held.length === 2, { interval: 5 });
    const asStored = (await stored('A')).map(({ headers }) => Object.fromEntries(headers.all));
    expect(asStored).toEqual([{ 'Nats-TTL': ['600'] }, { 'Nats-Trace-Dest': ['trace disabled'] }]);
    const fates = await letGo(account, hold.held, [{ stream: 'A', fromSeq: 1, side: 'before' }], ['a.>']);
    await hold.close();
    expect(fates.map(({ outcome }) => outcome)).toEqual(['duplicate', 'duplicate']);
    expect(await stored('A')).toHaveLength(2);
  });

  it('are not stored twice where a machine that is busy lets them wait between the hold and the stream', async () => {
    const { account, settings } = run;
    const hold = await openHold(settings, ['a.>']);
    const [a, b] = await Promise.all([account.stream('A'), account.stream('B')]);
    await account.updateStream({ ...a!.config, subjects: ['_aa-ops.closed.A'] });
    hold.mark();
    account.connection.publish('a.1', 'late');
    await vi.waitUntil(() => hold.held.length === 1, { interval: 5 });
    await account.updateStream({ ...b!.config, subjects: ['a.>', '_aa-ops.barrier.t.B'] });
    const held = await hold.end(['_aa-ops.barrier.t.B']);
    await hold.barrier(['_aa-ops.barrier.t.B']);
    const captors = [{ stream: 'B', fromSeq: b!.state.last_seq + 1, side: 'after' as const }];
    const fates = letGo(account, held, captors, ['a.>'], { endedInMs: 200 });
    // The same publish comes to the stream only now, long after 30 ms and well within twice what the hold took to end.
    setTimeout(() => account.connection.publish('a.1', 'late'), 100);
    expect((await fates).map(({ outcome }) => outcome)).toEqual(['duplicate']);
    await hold.close();
    expect(await stored('B')).toHaveLength(1);
  });

  it('are looked for once, where their stream is known to have been passed', async () => {
    const { account, settings } = run;
    const [a, b] = await Promise.all([account.stream('A'), account.stream('B')]);
    const owners = [{ stream: 'B', subjects: ['a.>'], server: b!.cluster!.leader!, since: undefined }];
    const elsewhere = [{ ...owners[0]!, server: 'another server' }];
    const [hold, other] = await Promise.all([
      openHold(settings, ['a.>'], { maxBytes: 1_000_000, owners }),
      openHold(settings, ['a.>'], { maxBytes: 1_000_000, owners: elsewhere }),
    ]);
    await account.updateStream({ ...a!.config, subjects: ['_aa-ops.closed.A'] });
    hold.mark();
    const waiting = [publish('a.1', 'held'), publish('a.2', 'held')];
    account.connection.publish('a.3', 'nobody waits');
    for (let twice = 0; twice < 2; twice++) account.connection.publish('a.4', 'alike', { reply: 'the.same' });
    await vi.waitUntil(() => hold.held.length === 5 && other.held.length === 5, { interval: 5 });
    await account.updateStream({ ...b!.config, subjects: ['a.>', '_aa-ops.barrier.t.B'] });
    waiting.push(publish('a.1', 'captured'));
    await vi.waitUntil(() => hold.held.length === 6 && other.held.length === 6, { interval: 5 });
    const held = await hold.end(['_aa-ops.barrier.t.B']);
    await hold.barrier(['_aa-ops.barrier.t.B']);
    expect(held.map(({ hasPassed }) => hasPassed)).toEqual([true, true, false, false, false, true]);
    expect((await other.end([])).map(({ hasPassed }) => hasPassed)).not.toContain(true);
    const captors = [{ stream: 'B', fromSeq: b!.state.last_seq + 1, side: 'after' as const }];
    const fates = await letGo(
      account,
      held.filter(({ hasPassed }) => hasPassed),
      captors,
      ['a.>'],
    );
    expect(fates.map(({ outcome }) => outcome)).toEqual(['stored', 'stored', 'duplicate']);
    await Promise.all([...waiting, hold.close(), other.close()]);
  });

  it('holds nothing that another process lets go at that moment', async () => {
    const { settings, account } = run;
    const hold = await openHold(settings, ['a.>']);
    account.connection.publish('a.1', 'let go by another', { reply: '_aa-ops.let-go.x.0' });
    account.connection.publish('a.1', 'published');
    await account.connection.flush();
    const held = await hold.end([]);
    await hold.close();
    expect(held.map(({ message }) => decoder.decode(message.data))).toEqual(['published']);
  });
});
