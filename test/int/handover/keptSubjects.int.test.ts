import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import {
  catchUp,
  emptyMemory,
  handOver,
  type HandoverContext,
  holdFor,
  type JetStreamWriter,
  openWriter,
  type Ownership,
  planHandovers,
  prepareGroup,
  readRange,
  recoverWindow,
  rememberWindow,
  sentinelsOf,
  settleWindow,
  silentHost,
  startCopies,
  type WindowSpec,
} from '@aa-ops/topology';
import { type NatsServer, startNats } from '../../support/servers.ts';

// A server that replaces a filter by another one refuses, or stores twice, what comes in between (docs/adr/0020): such subjects are given away and taken back.
const APART = { STAYS: ['a.1', 'a.2'], GIVES: ['a.3'] };
const TOGETHER = { STAYS: ['a.>'], GIVES: [] };
const ROUNDS = 6;

let server: NatsServer;
let account: JetStreamWriter;
let context: HandoverContext;
beforeEach(async () => {
  server = await startNats();
  account = await openWriter({ servers: [server.url] });
  for (const [name, subjects] of Object.entries(APART))
    await account.createStream({ name, storage: 'file', subjects });
  const journal: HandoverContext['journal'] = { effect: (_name, _data, work) => work() };
  context = { account, host: silentHost, journal, signal: new AbortController().signal };
});
afterEach(async () => {
  await account?.close();
  await server?.stop();
});

it('a subject that its stream hears by another filter afterwards is held, stored once, and never refused', async () => {
  let memory = emptyMemory();
  let going = true;
  const sent: string[] = [];
  const publishers = Array.from({ length: 8 }, async (_, publisher) => {
    for (let n = 0; going; n++) {
      const body = `${publisher} ${n}`;
      sent.push(body);
      const answer = await account.connection.request(publisher < 6 ? 'a.1' : 'a.3', body, {
        timeout: 5_000,
      });
      expect(answer.json<{ stream?: string }>()).toHaveProperty('stream');
    }
  });
  const kept: unknown[] = [];
  for (let n = 0; n < ROUNDS; n++) {
    const [from, to]: Ownership[] = n % 2 === 0 ? [APART, TOGETHER] : [TOGETHER, APART];
    const [planned] = planHandovers(from!, to!);
    const options = { run: `run${n}`, memory, movers: [], copyFrom: 'unacked' as const };
    const { group } = await prepareGroup(account, planned!, options);
    await startCopies(context, group.copies);
    for (const copy of group.copies) await catchUp(context, copy, { timeoutMs: 10_000 });
    const done = await handOver(context, { servers: [server.url] }, group, { run: `run${n}`, attempt: 1 });
    expect(done.window.outcome).toBe('taken');
    const sentinels = await sentinelsOf(account, done.spec, done.window.sentinels);
    memory = rememberWindow(memory, done.spec, sentinels);
    await settleWindow(context, done.spec, sentinels);
    kept.push(done.spec.kept);
  }
  going = false;
  await Promise.all(publishers);
  expect(kept.slice(0, 2)).toEqual([
    [{ stream: 'STAYS', filters: ['a.1', 'a.2'] }],
    [{ stream: 'STAYS', filters: ['a.1', 'a.2'] }],
  ]);
  const stored: string[] = [];
  for (const stream of Object.keys(APART))
    for await (const batch of readRange(account, stream, { fromSeq: 1 }))
      for (const { headers, data } of batch)
        if (!headers.has('Nats-Stream-Source')) stored.push(new TextDecoder().decode(data));
  expect(stored.sort()).toEqual(sent.sort());
});

it('publishers whose answers died with the process that let them go are answered by whoever ends the window', async () => {
  const settings = { servers: [server.url] };
  const [planned] = planHandovers({ STAYS: APART.STAYS }, { STAYS: ['a.>'] });
  const options = { run: 'run', memory: emptyMemory(), movers: [], copyFrom: 'unacked' as const };
  const { group } = await prepareGroup(account, planned!, options);
  const answers: Promise<{ stream?: string; seq?: number }>[] = [];
  let guarded: { spec: WindowSpec; standing: Awaited<ReturnType<typeof holdFor>> } | undefined;
  const publishHeld = async (): Promise<void> => {
    if (answers.length > 0) return;
    for (const body of ['1', '2', '2']) {
      const answer = account.connection.request('a.1', body, { timeout: 5_000 });
      answers.push(answer.then((reply) => reply.json()));
    }
    await vi.waitUntil(() => guarded!.standing!.hold.held.length === answers.length, { interval: 5 });
  };
  const dying = handOver(context, settings, group, {
    run: 'run',
    attempt: 1,
    guard: {
      arm: async (spec) => void (guarded = { spec, standing: await holdFor(account, settings, spec) }),
      assertOurs: (before) => (before === 'owner' ? publishHeld() : Promise.resolve()),
      async lettingGo() {
        for (const { message } of guarded!.standing!.hold.held)
          account.connection.publish(message.subject, message.data, { reply: '_aa-ops.let-go.dying.0' });
        await account.connection.flush();
        throw new Error('killed');
      },
      endElsewhere: () => Promise.resolve(undefined),
      disarm: () => Promise.resolve(),
    },
  });
  await expect(dying).rejects.toThrow('killed');
  const { spec, standing } = guarded!;
  const { window, letGo } = await recoverWindow(account, settings, spec, { standing });
  expect(window.outcome).toBe('taken');
  expect(letGo).toMatchObject([{ held: 3, republished: 0, unanswered: 0 }]);
  const places = (await Promise.all(answers)).map(({ stream, seq }) => `${stream} ${seq}`);
  expect(new Set(places).size).toBe(3);
  expect((await account.stream('STAYS'))!.state.messages).toBe(3 + 1); // and a barrier's
});
