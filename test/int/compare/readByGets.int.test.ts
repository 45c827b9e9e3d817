import { headers } from 'nats';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  type JetStreamWriter,
  openWriter,
  type Range,
  readRange,
  type StreamMessage,
} from '@aa-ops/topology';
import {
  fetchNatsServer,
  NATS_WHEELS,
  type NatsServer,
  startNats,
  startNatsCluster,
} from '../../support/servers.ts';

// A work queue lets nobody read it beside its own durables: it is read by gets, and so is what a consumer does not bring.
let server: NatsServer;
let account: JetStreamWriter;
beforeEach(async () => {
  server = await startNats();
  account = await openWriter({ servers: [server.url] });
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

async function read(range: Range, reader = account, stream = 'Q'): Promise<StreamMessage[]> {
  const all: StreamMessage[] = [];
  for await (const batch of readRange(reader, stream, range)) all.push(...batch);
  return all;
}

const urlOf = (reader: JetStreamWriter): string => `nats://${reader.connection.getServer()}`;
const seqsOf = (messages: readonly StreamMessage[]): number[] => messages.map(({ seq }) => seq);
const upTo = (last: number, first = 1): number[] =>
  Array.from({ length: last - first + 1 }, (_, n) => first + n);

describe.each([
  { way: 'single gets', allow_direct: false },
  { way: 'direct gets of many', allow_direct: true },
])('a work queue by $way', ({ allow_direct }) => {
  beforeEach(() =>
    account.createStream({ name: 'Q', subjects: ['q.*'], retention: 'workqueue', allow_direct }),
  );

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
    const expected = upTo(1_301).filter((seq) => !gone.includes(seq));
    expect(seqsOf(left)).toEqual(expected);
    expect(left[0]).toMatchObject({ subject: 'q.a', headers: { all: new Map([['Name', ['a', 'b']]]) } });
    expect(left.at(-1)!.data).toHaveLength(1_000_000);
    const some = await read({ fromSeq: 50, toSeq: 900, filters: ['q.b'] });
    expect(seqsOf(some)).toEqual(expected.filter((seq) => seq >= 50 && seq <= 900 && seq % 2 === 1));
  });

  it('although it stands still for longer than its answers are waited for', { timeout: 30_000 }, async () => {
    for (let n = 1; n <= 1_500; n++) await publish('q.a', `${n}`);
    const reading = readRange(account, 'Q', { fromSeq: 1 });
    const all = (await reading.next()).value as StreamMessage[];
    process.kill(server.pid, 'SIGSTOP');
    const second = reading.next();
    try {
      await new Promise((resolve) => setTimeout(resolve, 3_000)); // how long it stands still
    } finally {
      process.kill(server.pid, 'SIGCONT');
    }
    all.push(...((await second).value as StreamMessage[]));
    for await (const batch of reading) all.push(...batch);
    expect(all.map(({ data }) => Number(Buffer.from(data).toString()))).toEqual(upTo(1_500));
  });

  it('with headers that look like those of a direct get', async () => {
    const republished = headers();
    for (const [name, value] of [
      ['Nats-Stream', 'ELSEWHERE'],
      ['Nats-Subject', 'other'],
      ['Nats-Sequence', '4711'],
      ['Nats-Time-Stamp', '2020-01-01T00:00:00Z'],
      ['Nats-Last-Sequence', '4710'],
    ] as const)
      republished.append(name, value);
    await publish('q.a', 'plain');
    await publish('q.b', 'republished', republished);
    const [plain, other] = await read({ fromSeq: 1 });
    expect(plain!.headers.all).toEqual(new Map());
    expect(other).toMatchObject({ subject: 'q.b', seq: 2, headers: { all: new Map(republished) } });
    expect(Math.abs(other!.timeMs - Date.now())).toBeLessThan(60_000);
  });

  it('that is empty, or has nothing from there on', async () => {
    expect(await read({ fromSeq: 1 })).toEqual([]);
    await publish('q.a', 'gone');
    await account.deleteMessage('Q', 1);
    expect(await read({ fromSeq: 1 })).toEqual([]);
    await publish('q.a', '2');
    expect(await read({ fromSeq: 3, toSeq: 10 })).toEqual([]);
  });
});

it('a work queue that allows direct gets, on a server that knows none of many messages', async () => {
  const oldest = await startNats({ binary: (await fetchNatsServer(Object.keys(NATS_WHEELS)[0]!)).path });
  const old = await openWriter({ servers: [oldest.url] });
  try {
    await old.createStream({ name: 'Q', subjects: ['q.*'], retention: 'workqueue', allow_direct: true });
    for (let n = 1; n <= 20; n++) await old.connection.request('q.a', `${n}`);
    expect(seqsOf(await read({ fromSeq: 5 }, old))).toEqual(upTo(20, 5));
  } finally {
    await old.close();
    await oldest.stop();
  }
});

const QUEUE = { retention: 'workqueue', allow_direct: true } as const;

/** The account, and the subjects that it published its requests to. */
function spied(to: JetStreamWriter): { spy: JetStreamWriter; asked: string[] } {
  const asked: string[] = [];
  const connection = Object.create(to.connection, {
    publish: {
      value(...args: Parameters<typeof to.connection.publish>) {
        asked.push(args[0]);
        to.connection.publish(...args);
      },
    },
  }) as typeof to.connection;
  return { spy: { ...to, connection }, asked };
}
const singleGets = (asked: readonly string[]): number =>
  asked.filter((subject) => subject.includes('STREAM.MSG.GET')).length;

describe('a work queue with replicas by direct gets of many', () => {
  it('whoever answers them, also beside a replica that stands still', { timeout: 90_000 }, async () => {
    const cluster = await startNatsCluster(3);
    const many = await openWriter({ servers: cluster.urls });
    try {
      await many.createStream({ name: 'Q', subjects: ['q.*'], num_replicas: 3, ...QUEUE });
      const fill = (from: number, to: number) =>
        Promise.all(upTo(to, from).map((n) => many.connection.request('q.a', `${n}`, { timeout: 10_000 })));
      await fill(1, 3_000);
      const gone = [2, 700, 701, 2_999];
      for (const seq of gone) await many.deleteMessage('Q', seq);
      const { spy, asked } = spied(many);
      expect(seqsOf(await read({ fromSeq: 1 }, spy))).toEqual(
        upTo(3_000).filter((seq) => !gone.includes(seq)),
      );
      expect(asked.some((subject) => subject.includes('DIRECT.GET'))).toBe(true);
      const leader = (await many.stream('Q'))!.cluster!.leader!;
      const follower = cluster.servers.find((one) => `n${one.port}` !== leader && one.url !== urlOf(many))!;
      process.kill(follower.pid, 'SIGSTOP');
      try {
        await fill(3_001, 3_500);
        expect(seqsOf(await read({ fromSeq: 2_001 }, many))).toEqual(
          upTo(3_500, 2_001).filter((seq) => !gone.includes(seq)),
        );
      } finally {
        process.kill(follower.pid, 'SIGCONT');
      }
    } finally {
      await many.close();
      await cluster.stop();
    }
  });

  it('as its leader has it: without what only a replica still holds, and with what only the leader does', async () => {
    await account.createStream({ name: 'Q', subjects: ['q.*'], ...QUEUE });
    for (let n = 1; n <= 50; n++) await publish('q.a', `${n}`);
    await account.deleteMessage('Q', 20);
    const { spy, asked } = spied(account);
    // What answers direct gets here is the replica: it still holds 10, and lacks 20.
    const replica: JetStreamWriter = {
      ...spy,
      async stream(name) {
        const info = await account.stream(name);
        return info && { ...info, config: { ...info.config, num_replicas: 3 } };
      },
      api: async <T>(subject: string, body?: unknown) =>
        ({
          ...(await account.api<{ state: object }>(subject, body)),
          state: { first_seq: 3, deleted: [10] },
        }) as T,
    };
    expect(seqsOf(await read({ fromSeq: 1 }, replica))).toEqual(
      upTo(50, 3).filter((seq) => seq !== 10 && seq !== 20),
    );
    expect(singleGets(asked)).toBe(1); // the leader was asked for 20
  });
});

it.each([
  { what: 'a work queue', denied: 'STREAM.MSG.GET', config: QUEUE },
  { what: 'a work queue', denied: 'DIRECT.GET', config: QUEUE },
  { what: 'any stream', denied: 'CONSUMER.MSG.NEXT', config: {} },
])('$what, by a user who may not ask $denied', { timeout: 60_000 }, async ({ denied, config }) => {
  const limited = await startNats({
    config: `accounts { A { jetstream: enabled, users: [
      { user: all, password: pw }
      { user: some, password: pw, permissions: { publish: { deny: ["$JS.API.${denied}.>"] } } }
    ] } }`,
  });
  const all = await openWriter({ servers: [limited.url], user: 'all', password: 'pw' });
  const some = await openWriter({ servers: [limited.url], user: 'some', password: 'pw' });
  try {
    await all.createStream({ name: 'Q', subjects: ['q.*'], ...config });
    for (let n = 1; n <= 1_200; n++) await all.connection.request('q.a', `${n}`);
    expect(seqsOf(await read({ fromSeq: 101 }, some))).toEqual(upTo(1_200, 101));
  } finally {
    await all.close();
    await some.close();
    await limited.stop();
  }
});

it(
  'any stream, where its consumers live on a replica that has nothing of it for long',
  { timeout: 60_000 },
  async () => {
    await account.createStream({ name: 'S', subjects: ['s.*'] });
    for (let n = 1; n <= 700; n++) await account.connection.request('s.a', `${n}`);
    expect(seqsOf(await read({ fromSeq: 101 }, readersBehind(700), 'S'))).toEqual(upTo(700, 101));
  },
);

it('a stream, not its mirror that answers direct gets for it', { timeout: 60_000 }, async () => {
  await account.createStream({ name: 'S', subjects: ['s.*'], allow_direct: true });
  await account.createStream({ name: 'M', mirror: { name: 'S' }, allow_direct: true, mirror_direct: true });
  for (let n = 1; n <= 8_000; n++)
    if (n % 500 > 0) account.connection.publish('s.a', `${n}`);
    else await account.connection.request('s.a', `${n}`);
  await vi.waitUntil(async () => (await account.stream('M'))?.state.last_seq === 8_000, { timeout: 20_000 });
  // Each of the eight requests may be answered by the mirror, which keeps what is gone from the stream.
  const gone = [500, 1_500, 3_500, 7_500];
  for (const seq of gone) await account.deleteMessage('S', seq);
  const seqs = seqsOf(await read({ fromSeq: 1 }, readersBehind(8_000), 'S'));
  expect(seqs).toEqual(upTo(8_000).filter((seq) => !gone.includes(seq)));
});

/** A replica that lags tells its consumers of no more than it holds; one server cannot lag, so its readers start behind the end. */
const readersBehind = (end: number): JetStreamWriter => ({
  ...account,
  api: (subject, body) => {
    const { config } = (body ?? {}) as { config?: object };
    const behind = config ? { ...(body as object), config: { ...config, opt_start_seq: end + 1 } } : body;
    return account.api(subject, behind);
  },
});
