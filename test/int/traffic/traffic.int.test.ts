import {
  type ConnectSettings,
  type JetStreamWriter,
  newHeaders,
  openWriter,
  parseHeaders,
} from '@aa-ops/topology';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  judge,
  judgeWorked,
  type PublisherSpec,
  startTraffic,
  type Traffic,
  WorkRecord,
} from '../../../cli/src/traffic/index.ts';
import { type NatsServer, startNats } from '../../support/servers.ts';
import { workDurable } from '../../support/workDurable.ts';

let server: NatsServer;
let settings: ConnectSettings;
let account: JetStreamWriter;

beforeAll(async () => {
  server = await startNats();
  settings = { servers: [server.url] };
  account = await openWriter(settings);
});
afterAll(async () => {
  await account?.close();
  await server?.stop();
});

async function untilAcked(traffic: Traffic, count: number): Promise<void> {
  while (traffic.counts().acked < count) await new Promise((soon) => setTimeout(soon, 5));
}

/** Sends until at least `count` messages are acked in all. */
async function send(specs: PublisherSpec[], count: number) {
  const traffic = await startTraffic(settings, specs);
  await untilAcked(traffic, count);
  await traffic.stop();
  return traffic.ledger;
}

const waiting = (subjects: string[]): PublisherSpec => ({
  name: 'w',
  subjects,
  kind: 'waiting',
  msgId: false,
});

describe('the ledger of publishers', () => {
  test('is clean where nothing went wrong, whatever kind of publisher', async () => {
    await account.createStream({ name: 'CLEAN', subjects: ['clean.>'], storage: 'memory' });
    const ledger = await send(
      [
        waiting(['clean.a', 'clean.b']),
        { name: 'wid', subjects: ['clean.a'], kind: 'waiting', msgId: true, ratePerSecond: 500 },
        { name: 'p', subjects: ['clean.a', 'clean.c'], kind: 'pipelined', msgId: false },
        { name: 'pid', subjects: ['clean.a'], kind: 'pipelined', inFlight: 4, msgId: true },
      ],
      5_000,
    );
    const verdict = await judge(account, ledger, { streams: ['CLEAN'] });
    expect(verdict).toMatchObject({
      refused: 0,
      unanswered: 0,
      outstanding: 0,
      lost: 0,
      doubled: 0,
      outOfOrderWaiting: 0,
      outOfOrderPipelined: 0,
      misplaced: 0,
      strangers: 0,
    });
    expect(verdict.acked).toBe(verdict.sent);
    expect((await account.stream('CLEAN'))!.state.messages).toBe(verdict.sent);
    expect(verdict.publishers.map(({ acked }) => acked > 0)).toEqual([true, true, true, true]);
    expect(verdict.latencyMs.max).toBeGreaterThanOrEqual(verdict.latencyMs.p50);
    expect(verdict.longestWaitMs).toBeGreaterThan(0);
  });

  test('sees a message that was acked and then deleted as lost', async () => {
    await account.createStream({ name: 'LOST', subjects: ['lost.>'], storage: 'memory' });
    const ledger = await send([waiting(['lost.a'])], 50);
    await account.deleteMessage('LOST', 7);
    const verdict = await judge(account, ledger, { streams: ['LOST'] });
    expect(verdict.lost).toBe(1);
    expect(verdict.examples.lost).toEqual(['w 6 (lost.a, acked as LOST 7)']);
    expect(verdict.doubled).toBe(0);
  });

  test('sees doubles in one stream and behind their place, not a copy in another stream', async () => {
    await account.createStream({ name: 'ONE', subjects: ['one.>'], storage: 'memory' });
    const ledger = await send([waiting(['one.a'])], 50);
    const third = (await account.message('ONE', { seq: 3 }))!;
    await account.createStream({ name: 'COPY', sources: [{ name: 'ONE' }], storage: 'memory' });
    while (((await account.stream('COPY'))?.state.messages ?? 0) < ledger.counts().sent);
    const streams = ['ONE', 'COPY'];
    expect(await judge(account, ledger, { streams, holders: ['COPY'] })).toMatchObject({
      lost: 0,
      doubled: 0,
    });

    await republish(third);
    const verdict = await judge(account, ledger, { streams: ['ONE'] });
    expect(verdict).toMatchObject({ lost: 0, doubled: 1, outOfOrderWaiting: 0 });
    expect(verdict.examples.doubled).toEqual(['w 2 (one.a, acked as ONE 3)']);
  });

  test('sees a message that went directly into two streams as doubled', async () => {
    await account.createStream({ name: 'LEFT', subjects: ['two.>'], storage: 'memory' });
    const ledger = await send([waiting(['two.a'])], 20);
    const first = (await account.message('LEFT', { seq: 1 }))!;
    await account.updateStream({ name: 'LEFT', subjects: ['left'], storage: 'memory' });
    await account.createStream({ name: 'RIGHT', subjects: ['two.>'], storage: 'memory' });
    await republish(first);
    expect(await judge(account, ledger, { streams: ['LEFT', 'RIGHT'] })).toMatchObject({
      doubled: 1,
      lost: 0,
    });
  });

  test('sees a message that lies behind a later one of its publisher and subject', async () => {
    await account.createStream({ name: 'ORDER', subjects: ['order.>'], storage: 'memory' });
    const ledger = await send([waiting(['order.a', 'order.b'])], 20);
    const third = (await account.message('ORDER', { seq: 3 }))!;
    await republish(third);
    await account.deleteMessage('ORDER', 3);
    const verdict = await judge(account, ledger, { streams: ['ORDER'] });
    expect(verdict).toMatchObject({ outOfOrderWaiting: 1, outOfOrderPipelined: 0, misplaced: 1, lost: 0 });
  });

  test('counts refusals by their reason, and retries where it is told to', async () => {
    const traffic = await startTraffic(settings, [
      { ...waiting(['late.a']), ratePerSecond: 200 },
      {
        name: 'patient',
        subjects: ['late.a'],
        kind: 'waiting',
        msgId: true,
        ratePerSecond: 200,
        retry: true,
      },
    ]);
    while (traffic.counts().refused < 5) await new Promise((soon) => setTimeout(soon, 5));
    await account.createStream({ name: 'LATE', subjects: ['late.>'], storage: 'memory' });
    await untilAcked(traffic, 20);
    await traffic.stop();
    const verdict = await judge(account, traffic.ledger, { streams: ['LATE'] });
    const [impatient, patient] = verdict.publishers;
    expect(impatient!.refused).toBeGreaterThanOrEqual(5);
    expect(verdict.errors).toEqual({ 503: impatient!.refused });
    expect(patient).toMatchObject({ refused: 0, lost: 0, doubled: 0 });
    expect(verdict).toMatchObject({ lost: 0, storedUnacked: 0, acked: verdict.sent - verdict.refused });
  });
});

describe('the work of a durable', () => {
  test('is judged by what it skipped and what it worked twice', async () => {
    await account.createStream({ name: 'WORK', subjects: ['work.>'], storage: 'memory' });
    await account.createConsumer('WORK', {
      durable_name: 'd',
      ack_policy: 'explicit',
      deliver_policy: 'all',
      filter_subjects: ['work.a'],
    });
    const ledger = await send([waiting(['work.a', 'work.b'])], 600);
    const record = new WorkRecord(ledger);
    const filters = ['work.a'];
    const of = { stream: 'WORK', durable: 'd' };
    const first = await workDurable(account, record, { ...of, limit: 100, acks: (index) => index !== 42 });
    expect(first).toBe(99);
    const all = await workDurable(account, record, of);
    const heard = Math.ceil(ledger.counts().sent / 2);
    expect(first + all).toBe(heard - 1);
    expect(judgeWorked(ledger, record, filters)).toMatchObject({
      worked: heard - 1,
      skipped: 1,
      repeated: 0,
      examples: ['w 84 (work.a)'],
    });
    record.noteIdentity({ publisher: 'w', n: 84 });
    record.noteIdentity({ publisher: 'w', n: 84 });
    expect(judgeWorked(ledger, record, filters)).toMatchObject({ worked: heard, skipped: 0, repeated: 1 });
  });
});

async function republish({
  subject,
  data,
  headers,
}: {
  subject: string;
  data: Uint8Array;
  headers: Uint8Array;
}) {
  const block = newHeaders();
  for (const [name, value] of parseHeaders(headers)) block.append(name, value);
  await account.connection.request(subject, data, { headers: block, timeout: 2_000 });
}
