import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type HeaderList, type JetStreamWriter, openWriter, publishMessage } from '@aa-ops/topology';
import { aaOps } from '../../support/cli.ts';
import { type NatsServer, startNats } from '../../support/servers.ts';
import type { ComparisonDocument } from '../../../cli/src/render/comparison.ts';

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

interface Message {
  subject: string;
  data: string;
  headers?: HeaderList;
}

const N = 60;
const messages = (prefix: string): Message[] =>
  Array.from({ length: N }, (_, n) => ({
    subject: `${prefix}.${n % 3}`,
    data: `{"n":${n}}`,
    headers: n % 2 === 0 ? [] : [['Trace', `t${n}`]],
  }));

async function publish({ subject, data, headers = [] }: Message): Promise<number> {
  const outcome = await publishMessage(account.connection, subject, Buffer.from(data), {
    headers,
    timeoutMs: 5_000,
  });
  if (outcome.status !== 'stored') throw new Error(`${subject} was not stored: ${JSON.stringify(outcome)}`);
  return outcome.seq;
}

/** Two streams of the given messages that know nothing of each other, published one after the other. */
async function pair(name: string, first: Message[], second: Message[]): Promise<[from: string, to: string]> {
  const [from, to] = [`${name}_A`, `${name}_B`];
  const info = await account.createStream({ name: from, subjects: [`${name}.*`] });
  for (const one of first) await publish(one);
  await account.updateStream({ ...info.config, subjects: [`closed.${name}`] });
  await account.createStream({ name: to, subjects: [`${name}.*`] });
  for (const one of second) await publish(one);
  return [from, to];
}

/** A stream and another that has sourced it. */
async function copied(name: string, all = messages(name)): Promise<[from: string, to: string]> {
  const [from, to] = [`${name}_A`, `${name}_B`];
  await account.createStream({ name: from, subjects: [`${name}.*`] });
  for (const one of all) await publish(one);
  await account.createStream({
    name: to,
    subjects: [`own.${name}.*`],
    sources: [{ name: from }],
  });
  await expect.poll(async () => (await account.stream(to))!.state.messages, { timeout: 20_000 }).toBe(N);
  return [from, to];
}

async function compare(from: string, to: string, ...more: string[]) {
  const ended = await aaOps(['compare', from, to, '--server', server.url, '--output', 'json', ...more]);
  return { ...ended, document: ended.json<ComparisonDocument>() };
}

describe('a copy by a source', () => {
  it('is equal, with counts, sequences and digests for each subject', async () => {
    const { code, document } = await compare(...(await copied('same')));
    expect(code).toBe(0);
    expect(document).toMatchObject({
      schemaVersion: 1,
      result: 'equal',
      summary: '60 messages, 0 missing, 0 doubled, order kept',
      by: 'source',
      beyond: { from: 0, to: 0 },
    });
    expect(document.subjects.map(({ subject }) => subject)).toEqual(['same.0', 'same.1', 'same.2']);
    for (const { from, to, equal } of document.subjects) {
      expect(equal).toBe(true);
      expect(from).toEqual(to);
      expect(from.messages).toBe(N / 3);
      expect(from.digest).toMatch(/^[0-9a-f]{64}$/);
    }
  });

  it('that lacks its first, its last and one in the middle is unequal by three', async () => {
    const [from, to] = await copied('gaps');
    for (const seq of [1, 31, N]) await account.deleteMessage(to, seq);
    const { code, document } = await compare(from, to);
    expect(code).toBe(5);
    expect(document).toMatchObject({
      result: 'unequal',
      missing: 3,
      doubled: 0,
      different: 0,
      orderKept: true,
    });
    expect(document.examples).toEqual([1, 31, N]);
  });

  it('is told apart from what the target took by itself: --copied leaves that out', async () => {
    const [from, to] = await copied('more');
    await publish({ subject: 'own.more.one', data: 'its own' });
    expect((await compare(from, to)).document).toMatchObject({ result: 'unequal', extra: 1, missing: 0 });
    const only = await compare(from, to, '--copied');
    expect(only.code).toBe(0);
    expect(only.document).toMatchObject({ messages: N, extra: 0, beyond: { from: 0, to: 1 } });
  });

  it.each([
    ['doubled', 0, { doubled: 1, missing: 0, outOfOrder: 0 }],
    ['moved', 1, { doubled: 0, missing: 0, outOfOrder: 1 }],
  ])('with a message %s is unequal', async (name, deleted, counts) => {
    const all = messages(name);
    const [from, to] = await copied(name, all.with(6, { ...all[6]!, subject: `${name}.once` }));
    if (deleted) await account.deleteMessage(to, 7);
    // A source of another identity brings it again: a client may not write the header of a copy (10227).
    const subject_transforms = [`${name}.once`, 'nobody.uses.it'].map((src) => ({ src, dest: '' }));
    const { config } = (await account.stream(to))!;
    await account.updateStream({
      ...config,
      sources: [{ name: from, opt_start_seq: 1, subject_transforms }],
    });
    await expect
      .poll(async () => (await account.stream(to))!.state.last_seq, { timeout: 20_000 })
      .toBe(N + 1);
    const { code, document } = await compare(from, to);
    expect(code).toBe(5);
    expect(document).toMatchObject({ ...counts, different: 0, examples: [7] });
  });

  it('of a range or of some subjects is compared as far as asked', async () => {
    const [from, to] = await copied('part');
    await account.deleteMessage(to, 10); // on part.0
    expect((await compare(from, to, '--subject', 'part.1', '--subject', 'part.2')).document).toMatchObject({
      result: 'equal',
      messages: 40,
    });
    const behind = await compare(from, to, '--first-sequence', '11', '--last-sequence', '20');
    expect(behind.document).toMatchObject({ result: 'equal', messages: 10 });
    expect((await compare(from, to, '--first-sequence', '10')).code).toBe(5);
  });
});

describe('two streams that know nothing of each other', () => {
  it.each<[string, (all: Message[]) => Message[], Partial<ComparisonDocument>]>([
    ['equal', (all) => all, { result: 'equal', missing: 0, extra: 0 }],
    ['missing', (all) => all.toSpliced(20, 2), { missing: 2, extra: 0, different: 0, outOfOrder: 0 }],
    ['doubled', (all) => all.toSpliced(20, 0, all[15]!), { doubled: 1, missing: 0, extra: 0, outOfOrder: 0 }],
    [
      'moved',
      (all) => all.toSpliced(20, 1).toSpliced(30, 0, all[20]!),
      { outOfOrder: 1, missing: 0, extra: 0 },
    ],
    [
      'payload',
      (all) => all.with(20, { ...all[20]!, data: 'changed' }),
      { different: 1, missing: 0, extra: 0 },
    ],
    [
      'header',
      (all) => all.with(21, { ...all[21]!, headers: [['Trace', 'another']] }),
      { different: 1, missing: 0, extra: 0 },
    ],
    [
      'longer',
      (all) => [...all, { subject: all[0]!.subject, data: 'one more' }],
      { extra: 1, missing: 0, different: 0 },
    ],
  ])('%s', async (name, change, counts) => {
    const all = messages(`c${name}`);
    const { code, document } = await compare(...(await pair(`c${name}`, all, change(all))));
    expect(document).toMatchObject({ by: 'content', ...counts });
    expect(code).toBe(name === 'equal' ? 0 : 5);
    expect(document.subjects.every(({ equal }) => equal)).toBe(name === 'equal');
  });

  it('a mirror is equal to what it mirrors', async () => {
    await account.createStream({ name: 'mirror_A', subjects: ['mirror.*'] });
    for (const one of messages('mirror')) await publish(one);
    await account.createStream({ name: 'mirror_B', mirror: { name: 'mirror_A' } });
    await expect
      .poll(async () => (await account.stream('mirror_B'))!.state.messages, { timeout: 20_000 })
      .toBe(N);
    expect((await compare('mirror_A', 'mirror_B')).code).toBe(0);
  });
});

describe('on two servers', () => {
  it('compares with what stands on the other', async () => {
    await copied('two');
    const other = await startNats();
    const there = await openWriter({ servers: [other.url] });
    try {
      await there.createStream({ name: 'two_B', subjects: ['two.*'] });
      for (const { subject, data, headers = [] } of messages('two'))
        await publishMessage(there.connection, subject, Buffer.from(data), { headers, timeoutMs: 5_000 });
      expect((await compare('two_A', 'two_B', '--to-server', other.url)).code).toBe(0);
      await there.deleteMessage('two_B', 5);
      const { code, document } = await compare('two_A', 'two_B', '--to-server', other.url);
      expect(code).toBe(5);
      expect(document).toMatchObject({ missing: 1, examples: [5] });
    } finally {
      await there.close();
      await other.stop();
    }
  });
});

describe('what cannot be compared', () => {
  it.each([
    [['compare', 'NO_SUCH', 'NEITHER'], 'stream-unknown'],
    [['compare', 'NO_SUCH', 'NO_SUCH'], 'usage'],
    [['compare', 'A', 'B', '--whole', '--copied'], 'usage'],
    [['compare', 'A', 'B', '--first-sequence', '9', '--last-sequence', '3'], 'usage'],
  ])('%j is refused as usage', async (args, error) => {
    const ended = await aaOps([...args, '--server', server.url, '--output', 'json']);
    expect(ended.code).toBe(64);
    expect(ended.json<{ error: { code: string } }>().error.code).toBe(error);
  });
});
