import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  copiedThrough,
  type Copy,
  epochSubject,
  type JetStreamWriter,
  openWriter,
  provePart,
  type ProvenPart,
  proveRest,
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

describe('a copy that is compared while it goes on', () => {
  let server: NatsServer;
  let account: JetStreamWriter;
  let part: ProvenPart;

  const publish = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n++) await account.connection.request(`a.${n % 3}`, `${n}`);
  };
  const untilCopied = async (originSeq: number): Promise<{ originSeq: number; targetSeq: number }> => {
    for (;;) {
      const through = await copiedThrough(account, copy);
      if (through && through.originSeq >= originSeq) return through;
    }
  };
  const sources = async (...copies: Copy[]): Promise<unknown> =>
    account.updateStream({ name: 'TO', storage: 'file', sources: copies.map(sourceOfCopy) });

  beforeEach(async () => {
    server = await startNats();
    account = await openWriter({ servers: [server.url] });
    await account.createStream({ name: 'FROM', storage: 'file', subjects: ['a.*'] });
    await account.createStream({ name: 'TO', storage: 'file', sources: [sourceOfCopy(copy)] });
    await publish(100);
    part = await provePart(account, copy, await untilCopied(100), PAYLOADS);
    await publish(50);
  });
  afterEach(async () => {
    await account?.close();
    await server?.stop();
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
