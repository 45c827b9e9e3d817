import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  copiedFrom,
  copiedThrough,
  type Copy,
  epochSubject,
  type JetStreamWriter,
  openWriter,
  type Originals,
  provePart,
  type ProvenPart,
  proveRest,
  readBacklog,
  readRange,
  sourceOfCopy,
} from '@aa-ops/topology';
import { type NatsServer, startNats } from '../../support/servers.ts';

const PAYLOADS = { payloads: true };
const copy: Copy = {
  origin: 'FROM',
  target: 'TO',
  filters: ['a.*'],
  epoch: epochSubject('test', 'FROM', '1-0'),
  startSeq: 1,
  targetFromSeq: 1,
};

let server: NatsServer;
let account: JetStreamWriter;

const publish = async (count: number): Promise<void> => {
  for (let n = 0; n < count; n++) await account.connection.request(`a.${n % 3}`, `${n}`);
};
const untilCopied = async (originSeq: number): Promise<{ originSeq: number; targetSeq: number }> => {
  for (;;) {
    const through = await copiedThrough(account, copy);
    if (through && through.originSeq >= originSeq) return through;
  }
};

beforeEach(async () => {
  server = await startNats();
  account = await openWriter({ servers: [server.url] });
  await account.createStream({ name: 'FROM', storage: 'file', subjects: ['a.*'] });
});
afterEach(async () => {
  await account?.close();
  await server?.stop();
});

describe('a copy that is compared while it goes on', () => {
  let part: ProvenPart;

  const sources = async (...copies: Copy[]): Promise<unknown> =>
    account.updateStream({ name: 'TO', storage: 'file', sources: copies.map(sourceOfCopy) });

  beforeEach(async () => {
    await account.createStream({ name: 'TO', storage: 'file', sources: [sourceOfCopy(copy)] });
    await publish(100);
    part = await provePart(account, copy, await untilCopied(100), PAYLOADS);
    await publish(50);
  });

  it('counts each message once', async () => {
    const end = await untilCopied(150);
    expect(part.proof).toMatchObject({ messages: 100, missing: 0 });
    const proof = await proveRest(account, copy, end, part, PAYLOADS);
    expect(proof).toEqual(await proveRest(account, copy, end, undefined, PAYLOADS));
    expect(proof).toMatchObject({ messages: 150, missing: 0, doubled: 0, outOfOrder: 0, different: 0 });
  });

  it.each([1, 40, 100])('notices that message %i has gone from the target since', async (seq) => {
    const end = await untilCopied(150);
    await account.api('STREAM.MSG.DELETE.TO', { seq });
    const proof = await proveRest(account, copy, end, part, PAYLOADS);
    expect(proof).toMatchObject({ messages: 150, missing: 1, firstMissing: seq });
  });

  it('does not take one that was made anew for it', async () => {
    const { config } = (await account.stream('TO'))!;
    await account.deleteStream('TO');
    await account.createStream({ ...config, sources: [sourceOfCopy({ ...copy, startSeq: 21 })] });
    const end = await untilCopied(150);
    const proof = await proveRest(account, copy, end, part, PAYLOADS);
    expect(proof).toMatchObject({ missing: 20, firstMissing: 1 });
  });

  it('does not mind what went before', async () => {
    await account.api('STREAM.MSG.DELETE.FROM', { seq: 30 });
    const end = await untilCopied(150);
    expect(await proveRest(account, copy, end, part, PAYLOADS)).toMatchObject({ messages: 150, missing: 0 });
  });

  it('notices what is brought again behind it', async () => {
    await untilCopied(150);
    await sources({ ...copy, epoch: epochSubject('again', 'FROM', '1-0'), startSeq: 90 });
    const last = async () => (await account.stream('TO'))!.state.last_seq;
    while ((await last()) < 150 + 61);
    const end = { originSeq: 150, targetSeq: await last() };
    const proof = await proveRest(account, copy, end, part, PAYLOADS);
    expect(proof).toMatchObject({ messages: 150, missing: 0, doubled: 61 });
  });
});

describe('a copy whose originals were read before it began', () => {
  let originals: Originals;
  let brought = 0;

  const lastOfTarget = async (): Promise<number> => (await account.stream('TO'))!.state.last_seq;
  const proved = async (originSeq = 150) => {
    const through = { originSeq, targetSeq: await lastOfTarget() };
    const { proof } = await provePart(account, copy, through, { ...PAYLOADS, originals });
    const { proof: read } = await provePart(account, copy, through, PAYLOADS);
    expect(proof).toEqual(read); // as if they had not been read before
    return proof;
  };
  const forget = async (...originSeqs: number[]): Promise<void> => {
    for await (const batch of readRange(account, 'TO', { fromSeq: 1 }))
      for (const { seq, headers } of batch)
        if (originSeqs.includes(copiedFrom(headers)?.seq ?? 0)) await account.deleteMessage('TO', seq);
  };
  /** Copies these sequences of the origin to the target's end. */
  const bring = async (first: number, last: number): Promise<void> => {
    const { config, state } = (await account.stream('TO'))!;
    const part = { ...copy, epoch: epochSubject(`${++brought}`, 'FROM', '1-0'), startSeq: first };
    await account.updateStream({ ...config, sources: [sourceOfCopy(part)] });
    while ((await lastOfTarget()) < state.last_seq + 150 - first + 1);
    await account.updateStream({ ...config, sources: [] });
    for (let beyond = last + 1; beyond <= 150; beyond++)
      await account.deleteMessage('TO', state.last_seq + beyond - first + 1);
  };

  beforeEach(async () => {
    await publish(100);
    originals = (await readBacklog(account, [copy])).originals.get(copy)!;
    await publish(50);
    await account.createStream({
      name: 'TO',
      storage: 'file',
      subjects: ['to.a.*'],
      subject_transform: { src: 'to.a.*', dest: 'a.{{wildcard(1)}}' },
    });
  });

  it('is compared with what they were, and they are not read again', async () => {
    expect(originals).toMatchObject({ startSeq: 1, through: 100, messages: 100 });
    await bring(1, 150);
    const whole = await proved();
    expect(whole).toMatchObject({ messages: 150, missing: 0, gone: 0 });
    await account.api('STREAM.PURGE.FROM', { seq: 101 });
    const through = { originSeq: 150, targetSeq: 150 };
    const { proof } = await provePart(account, copy, through, { ...PAYLOADS, originals });
    expect(proof).toEqual(whole);
  });

  it('may have own messages of the target in between', async () => {
    await bring(1, 50);
    await account.connection.request('to.a.own', 'own');
    await bring(51, 150);
    expect(await proved()).toMatchObject({ messages: 150, missing: 0, doubled: 0, different: 0 });
  });

  it.each([1, 40, 100, 101, 150])('lacks message %i', async (seq) => {
    await bring(1, 150);
    await forget(seq);
    expect(await proved()).toMatchObject({ messages: 150, missing: 1, firstMissing: seq });
  });

  it.each([1, 40, 100, 101, 150])('has another payload in message %i', async (seq) => {
    await account.deleteStream('FROM');
    await account.createStream({ name: 'FROM', storage: 'file', subjects: ['a.*'] });
    const payload = (n: number): string => (n === seq - 1 ? 'else' : `${n % 100}`);
    for (let n = 0; n < 150; n++) await account.connection.request(`a.${(n % 100) % 3}`, payload(n));
    await bring(1, 150);
    await account.deleteStream('FROM');
    await account.createStream({ name: 'FROM', storage: 'file', subjects: ['a.*'] });
    await publish(100);
    await publish(50);
    expect(await proved()).toMatchObject({ missing: 0, different: 1, examples: [seq] });
  });

  it.each([1, 40, 100, 101, 150])('has message %i a second time', async (seq) => {
    await bring(1, 150);
    await bring(seq, seq);
    expect(await proved()).toMatchObject({ messages: 150, missing: 0, doubled: 1, examples: [seq] });
  });

  it.each([2, 40, 100, 101, 150])('begins with message %i', async (seq) => {
    await bring(seq, 150);
    await bring(1, seq - 1);
    expect(await proved()).toMatchObject({ messages: 150, missing: 0, outOfOrder: seq - 1 });
  });

  it('has not brought all of it yet', async () => {
    await bring(1, 60);
    expect(await proved(60)).toMatchObject({ messages: 60, missing: 0, doubled: 0 });
  });
});
