import { headers } from 'nats';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type JetStreamWriter, openWriter, readRange, type StreamMessage } from '@aa-ops/topology';
import { type NatsServer, startNats } from '../../support/servers.ts';

// A work queue lets nobody read it beside its own durables: it is read by single gets, and so is what a consumer does not bring.
let server: NatsServer;
let account: JetStreamWriter;
beforeEach(async () => {
  server = await startNats();
  account = await openWriter({ servers: [server.url] });
  await account.createStream({ name: 'Q', subjects: ['q.*'], retention: 'workqueue' });
});
afterEach(async () => {
  await account?.close();
  await server?.stop();
});

const publish = (subject: string, body: string | Uint8Array, h = headers()) =>
  account.connection.request(subject, typeof body === 'string' ? Buffer.from(body) : body, {
    timeout: 5_000,
    headers: h,
  });

async function read(range: Parameters<typeof readRange>[2]): Promise<StreamMessage[]> {
  const all: StreamMessage[] = [];
  for await (const batch of readRange(account, 'Q', range)) all.push(...batch);
  return all;
}

it('with its gaps, headers, empty and large payloads, in order', async () => {
  const named = headers();
  named.append('Name', 'a');
  named.append('Name', 'b');
  await publish('q.a', '1', named);
  await publish('q.b', '');
  for (let n = 3; n <= 1_300; n++) await publish(`q.${n % 2 === 0 ? 'a' : 'b'}`, `${n}`);
  await publish('q.a', new Uint8Array(1_000_000).fill(7));
  const gone = [2, ...Array.from({ length: 700 }, (_, n) => 100 + n)];
  for (const seq of gone) await account.deleteMessage('Q', seq);

  const left = await read({ fromSeq: 1 });
  const expected = Array.from({ length: 1_301 }, (_, n) => n + 1).filter((seq) => !gone.includes(seq));
  expect(left.map(({ seq }) => seq)).toEqual(expected);
  expect(left[0]).toMatchObject({ subject: 'q.a', headers: new Map([['Name', ['a', 'b']]]) });
  expect(left.at(-1)!.data).toHaveLength(1_000_000);
  const [some] = [await read({ fromSeq: 50, toSeq: 900, filters: ['q.b'] })];
  expect(some.map(({ seq }) => seq)).toEqual(
    expected.filter((seq) => seq >= 50 && seq <= 900 && seq % 2 === 1),
  );
});

it('although it stands still for longer than its answers are waited for', { timeout: 30_000 }, async () => {
  for (let n = 1; n <= 600; n++) await publish('q.a', `${n}`);
  const reading = readRange(account, 'Q', { fromSeq: 1 });
  const first = (await reading.next()).value as StreamMessage[];
  process.kill(server.pid, 'SIGSTOP');
  const rest = reading.next();
  try {
    await new Promise((resolve) => setTimeout(resolve, 3_000)); // how long it stands still
  } finally {
    process.kill(server.pid, 'SIGCONT');
  }
  const second = (await rest).value as StreamMessage[];
  expect([...first, ...second].map(({ data }) => Number(Buffer.from(data).toString()))).toEqual(
    Array.from({ length: 600 }, (_, n) => n + 1),
  );
});

it('any stream, where a consumer brings nothing: its leader answers', { timeout: 60_000 }, async () => {
  const limited = await startNats({
    config: `accounts { A { jetstream: enabled, users: [
      { user: all, password: pw }
      { user: nopull, password: pw, permissions: { publish: { deny: ["$JS.API.CONSUMER.MSG.NEXT.>"] } } }
    ] } }`,
  });
  const all = await openWriter({ servers: [limited.url], user: 'all', password: 'pw' });
  const nopull = await openWriter({ servers: [limited.url], user: 'nopull', password: 'pw' });
  try {
    await all.createStream({ name: 'S', subjects: ['s.*'] });
    for (let n = 1; n <= 700; n++) await all.connection.request('s.a', `${n}`);
    const seqs: number[] = [];
    for await (const batch of readRange(nopull, 'S', { fromSeq: 101 }))
      seqs.push(...batch.map(({ seq }) => seq));
    expect(seqs).toEqual(Array.from({ length: 600 }, (_, n) => n + 101));
  } finally {
    await all.close();
    await nopull.close();
    await limited.stop();
  }
});
