import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  type JetStreamReader,
  type JetStreamWriter,
  lastMessages,
  openWriter,
} from '../../../topology/src/index.ts';
import { type NatsServer, startNats } from '../../support/servers.ts';

let server: NatsServer;
let account: JetStreamWriter;
beforeAll(async () => {
  server = await startNats();
  account = await openWriter({ servers: [server.url] });
});
afterAll(async () => {
  await account?.close();
  await server?.stop();
});

/** A stream of as many messages on each subject in turn, of which only those on `kept` are still there. */
async function streamOf(name: string, runs: [subject: 'kept' | 'gone', messages: number][]): Promise<void> {
  await account.createStream({ name, subjects: [`${name}.*`] });
  const js = account.connection.jetstream();
  for (const [subject, messages] of runs)
    await Promise.all(Array.from({ length: messages }, () => js.publish(`${name}.${subject}`)));
  await account.api(`STREAM.PURGE.${name}`, { filter: `${name}.gone` });
}

/** Sequences of the newest messages, and how many requests that took. */
async function newest(name: string, count: number): Promise<{ seqs: number[]; requests: number }> {
  let requests = 0;
  const counting: JetStreamReader = Object.create(account, {
    message: {
      value: (...args: Parameters<JetStreamReader['message']>) => {
        requests += 1;
        return account.message(...args);
      },
    },
  }) as JetStreamReader;
  const messages = await lastMessages(counting, (await account.stream(name))!, count);
  return { seqs: messages.map(({ seq }) => seq), requests };
}

it('finds the newest messages behind what was removed from the end', async () => {
  await streamOf('END', [
    ['kept', 30],
    ['gone', 7],
  ]);
  expect((await newest('END', 1)).seqs).toEqual([30]);
  expect((await newest('END', 4)).seqs).toEqual([27, 28, 29, 30]);
  expect((await newest('END', 99)).seqs).toHaveLength(30);
});

it('takes no more requests for a gap than twice the bits of its length', async () => {
  const gap = 5_000;
  await streamOf('GAPS', [
    ['kept', 3],
    ['gone', gap],
    ['kept', 2],
    ['gone', 1],
    ['kept', 1],
  ]);
  const { seqs, requests } = await newest('GAPS', 5);
  expect(seqs).toEqual([2, 3, gap + 4, gap + 5, gap + 7]);
  expect(requests).toBeLessThanOrEqual(5 + 2 * (Math.ceil(Math.log2(gap)) + 2));
});

it('finds none where there is none, or never was one', async () => {
  await streamOf('EMPTY', []);
  expect((await newest('EMPTY', 3)).seqs).toEqual([]);
  await streamOf('PURGED', [['gone', 9]]);
  expect((await newest('PURGED', 3)).seqs).toEqual([]);
});

it('agrees with reading upwards, whatever was removed', async () => {
  const runs = Array.from({ length: 40 }, (_, n): ['kept' | 'gone', number] => [
    n % 2 === 0 ? 'kept' : 'gone',
    1 + ((n * 7) % 13),
  ]);
  await streamOf('MIXED', runs);
  const all: number[] = [];
  for (let seq = 1; ; seq = all.at(-1)! + 1) {
    const message = await account.message('MIXED', { seq, nextBySubject: '>' });
    if (!message) break;
    all.push(message.seq);
  }
  for (const count of [1, 2, 17, all.length])
    expect((await newest('MIXED', count)).seqs).toEqual(all.slice(-count));
});
