import { afterEach, describe, expect, it } from 'vitest';
import {
  type ConsumerConfig,
  type Finding,
  isClean,
  type OpsError,
  endKeeping,
  type HandoverContext,
  has,
  isKeeper,
  keepEverything,
  openWriter,
  ownRetention,
  PAUSED_KEY,
  readRange,
  silentHost,
  type StreamConfig,
  type Topology,
} from '@aa-ops/topology';
import { readStatus } from '../../../cli/src/status/readStatus.ts';
import { migrate, resume } from '../../../cli/src/runbook/migrate.ts';
import { rollBack } from '../../../cli/src/runbook/rollBack.ts';
import { STEP_IDS } from '../../../cli/src/saga/runDocument.ts';
import {
  judge,
  judgeWorked,
  type PublisherSpec,
  startTraffic,
  type Traffic,
  WorkRecord,
} from '../../../cli/src/traffic/index.ts';
import { startCarelessWorker } from '../../support/carelessWorker.ts';
import { OPTIONS, startRun, type TestRun } from '../../support/runs.ts';
import { fetchNatsServer, NATS_WHEELS } from '../../support/servers.ts';
import { topologyOf } from '../../support/topologies.ts';
import { tracesOf } from '../../support/traces.ts';
import { untilAcked } from '../../support/untilAcked.ts';

type Retention = NonNullable<StreamConfig['retention']>;
const RETENTIONS: Retention[] = ['limits', 'interest', 'workqueue'];
const PAIRS = RETENTIONS.flatMap((from) => RETENTIONS.map((to) => [from, to] as const));
const WITH_QUEUE = PAIRS.filter((pair) => pair.includes('workqueue'));
const versions = Object.keys(NATS_WHEELS);
const oldest = versions[0]!;
/** The first one that hands work queues over. */
const queueing = versions.find((version) => has(version, 'sourceReaders'))!;
const lastWithout = versions.findLast((version) => !has(version, 'sourceReaders'))!;
const LONG = process.env['AA_TEST_LONG'] === '1';
/** All pairs on two versions with AA_TEST_LONG; `limits -> limits` is what every other test is about. */
const SHOWN = LONG ? PAIRS : PAIRS.filter(([from, to]) => from !== 'limits' || to !== 'limits');

let run: TestRun;
let traffic: Traffic | undefined;
afterEach(async () => {
  await traffic?.stop();
  await run?.stop();
  traffic = undefined;
});

const placed = (stream: string, ...names: string[]) =>
  Object.fromEntries(
    names.map((name) => [
      name,
      { stream, filters: name === 'w' || name === 'idle' ? ['x.>'] : [`x.${name}`] },
    ]),
  );

/** OLD gives what it hears to NEW; each has the retention that it is given. */
function moving(from: Retention, to: Retention, ...durables: string[]): Topology {
  const heard = durables.includes('b') ? ['x.a', 'x.b'] : ['x.>']; // a queue's durables have to read all that it hears
  const topology = topologyOf('retention', {
    single: { subjects: { OLD: heard }, consumers: placed('OLD', ...durables) },
    multi: { subjects: { NEW: heard }, consumers: placed('NEW', ...durables) },
  });
  topology.streams['OLD']!.retention = from;
  topology.streams['NEW']!.retention = to;
  return topology;
}

const publish = async (subject: string, from: number, to = from): Promise<void> => {
  for (let n = from; n <= to; n++) await run.account.connection.request(subject, `${n}`);
};
/** `restart`: at the place where pods are restarted, and work what is copied from then on. */
const go = async (mode: 'multi' | 'single', restart?: () => Promise<void>): Promise<void> => {
  const begin = (pause: { pauseBefore?: 'checks' }) =>
    mode === 'multi'
      ? migrate(run.environment, { to: mode, options: OPTIONS, ...pause })
      : rollBack(run.environment, pause);
  if (restart) {
    const paused = await begin({ pauseBefore: 'checks' });
    expect(paused, JSON.stringify(paused.json)).toMatchObject({ json: { pausedBefore: 'checks' } });
    await restart();
  }
  const outcome = await (restart ? resume(run.environment) : begin({}));
  expect(outcome, JSON.stringify(outcome.json)).toMatchObject({ exitCode: 0, json: { result: 'done' } });
  for (const { proof } of outcome.json.handovers) expect(isClean(proof!)).toBe(true);
};
async function findings(options: Partial<typeof OPTIONS> = {}): Promise<Record<string, string>> {
  const error = await migrate(run.environment, { to: 'multi', options: { ...OPTIONS, ...options } }).then(
    () => undefined,
    (thrown: OpsError) => thrown,
  );
  expect(error, 'not refused').toMatchObject({ kind: 'refused' });
  const found = (error!.details?.['findings'] ?? []) as Finding[];
  return Object.fromEntries(found.map(({ code, message }) => [code, message]));
}
/** Payloads that a stream holds of `x.>`, in order. */
async function held(stream: string): Promise<string[]> {
  const texts: string[] = [];
  for await (const batch of readRange(run.account, stream, { fromSeq: 1, filters: ['x.>'] }))
    texts.push(...batch.map(({ data }) => new TextDecoder().decode(data)));
  return texts;
}
async function work(
  stream: string,
  durable: string,
  count: number,
  settle: (text: string) => boolean = () => true,
): Promise<string[]> {
  const consumer = await run.account.connection.jetstream().consumers.get(stream, durable);
  const texts: string[] = [];
  for await (const message of await consumer.fetch({ max_messages: count, expires: 1_000 })) {
    const text = message.string();
    texts.push(text);
    if (settle(text)) await message.ackAck();
  }
  return texts;
}
/** A source that was taken away counts as a reader for 10 s more. */
const SOURCE_GONE = { timeout: 30_000, interval: 500 };
const emptied = (stream: string): Promise<void> =>
  expect.poll(async () => (await held(stream)).length, SOURCE_GONE).toBe(0);
const numbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, n) => `${from + n}`);
const retentionOf = async (stream: string): Promise<Partial<StreamConfig>> =>
  (await run.account.stream(stream))!.config;

const subjects = ['x.a', 'x.b'];
const PUBLISHERS: PublisherSpec[] = [
  { name: 'pipelined-ids', kind: 'pipelined', inFlight: 16, msgId: true, ratePerSecond: 400, subjects },
  { name: 'pipelined-bare', kind: 'pipelined', inFlight: 16, msgId: false, ratePerSecond: 400, subjects },
  { name: 'waiting-bare', kind: 'waiting', msgId: false, ratePerSecond: 100, subjects },
];

/**
 * Over, back and over again under live publishers, with a durable that leaves much unacked. `drops`: what it has worked is gone, and only
 * what it does not read is looked for.
 */
async function overBackOver(topology: Topology, { drops }: { drops: boolean }): Promise<void> {
  const [durable] = Object.keys(topology.consumers) as [string];
  traffic = await startTraffic(run.settings, PUBLISHERS);
  const { ledger } = traffic;
  const acked = (count: number): Promise<void> => untilAcked(traffic!, count);
  const record = new WorkRecord(ledger);
  const worker = await startCarelessWorker(run.settings, topology, durable, 'single', record);
  await acked(200);
  for (const mode of ['multi', 'single', 'multi'] as const) {
    await go(mode, async () => {
      worker.follow(mode);
      await acked(100);
    });
    await acked(200);
  }
  await traffic.stop();
  await worker.finish();
  const read = topology.consumers[durable]!.filter_subjects!;
  expect(judgeWorked(ledger, record, read)).toMatchObject({ skipped: 0, examples: [] });
  const verdict = await judge(run.account, ledger, {
    streams: ['OLD', 'NEW'],
    holders: ['OLD'],
    dropped: drops ? read : [],
  });
  const clean = { lost: 0, doubled: 0, refused: 0, unanswered: 0, outOfOrderWaiting: 0, strangers: 0 };
  expect(verdict).toMatchObject({ ...clean, acked: verdict.sent });
}

describe.each(SHOWN)('%s -> %s', (from, to) => {
  const isQueued = from === 'workqueue' || to === 'workqueue';
  it.each(LONG ? [isQueued ? queueing : oldest, undefined] : from === to || isQueued ? [undefined] : [])(
    'goes over, back and over again under live publishers: nothing lost, doubled or skipped (nats-server %s)',
    { timeout: 120_000 },
    async (version) => {
      const topology = moving(from, to, 'w');
      run = await startRun(topology, version ? { binary: (await fetchNatsServer(version)).path } : {});
      await overBackOver(topology, { drops: true });
      for (const [stream, own] of [
        ['OLD', from],
        ['NEW', to],
      ] as const) {
        const config = await retentionOf(stream);
        expect(config).toMatchObject({ name: stream, retention: own });
        expect(ownRetention(config)).toBe(own);
        expect(Object.keys(config.metadata ?? {}).filter((key) => key.startsWith('aa-ops'))).toEqual([]);
        expect(config.sources ?? []).toEqual([]);
        for (const durable of await run.account.listConsumers(stream)) {
          expect(durable.paused ?? false).toBe(false);
          expect(durable.config.metadata?.[PAUSED_KEY]).toBeUndefined();
        }
      }
      // Everything is worked, so that such a stream holds nothing of it any more. 2.10 keeps what was acked out of order.
      if (to !== 'limits' && !version) await emptied('NEW');
    },
  );

  it.runIf(isQueued)(
    'stores each message once, seen by what a durable claims and leaves alone',
    { timeout: 120_000 },
    async () => {
      run = await startRun(moving(from, to, 'a', 'b'));
      await overBackOver(run.environment.topology, { drops: true });
    },
  );

  it.runIf(!isQueued && (LONG || from !== to))(
    'stores each message once, seen by a durable that keeps them all',
    { timeout: 120_000 },
    async () => {
      const topology = moving(from, to, 'w', 'idle');
      run = await startRun(topology);
      await overBackOver(topology, { drops: false });
    },
  );
});

describe('streams of interest', { timeout: 120_000 }, () => {
  it('each durable goes on at its own place', async () => {
    run = await startRun(moving('interest', 'interest', 'a', 'w'));
    await publish('x.a', 1, 20);
    expect(await work('OLD', 'a', 20)).toEqual(numbers(1, 20));
    expect(await work('OLD', 'w', 10, (text) => text !== '4')).toEqual(numbers(1, 10)); // 4 stays unacked
    expect(await held('OLD')).toEqual(['4', ...numbers(11, 20)]);
    await go('multi');
    expect(await held('NEW')).toEqual(['4', ...numbers(11, 20)]);
    await publish('x.a', 21, 25);
    expect(await work('NEW', 'a', 100)).toEqual(numbers(21, 25));
    expect(await work('NEW', 'w', 6, (text) => text !== '12')).toEqual(['4', ...numbers(11, 15)]);
    await go('single');
    expect(await work('OLD', 'a', 100)).toEqual([]);
    expect(await work('OLD', 'w', 100)).toEqual([...numbers(12, 20), ...numbers(21, 25)]);
  });

  it('what was worked over there in an earlier cycle is not missed here, and does not stop a way back', async () => {
    run = await startRun(moving('interest', 'interest', 'w'));
    await go('multi');
    await publish('x.a', 1, 10);
    expect(await work('NEW', 'w', 1, () => false)).toEqual(['1']);
    await go('single'); // 1 to 10 are copies on OLD now
    expect(await work('OLD', 'w', 10, (text) => text === '2' || text === '3')).toEqual(numbers(1, 10));
    await go('multi');
    // 1 comes first; 2 and 3 were acked above it, and come once more.
    expect(await work('NEW', 'w', 2)).toEqual(['1', '2']);
    // First unacked here: 3. Its copy on OLD is gone, because OLD's durable acked it.
    await expect.poll(() => held('OLD'), SOURCE_GONE).not.toContain('3');
    await go('single');
    expect(await work('OLD', 'w', 100)).toEqual(numbers(4, 10));
  });

  it('a run that is taken back at each step leaves the origin as it was, and the next one goes on', async () => {
    run = await startRun(moving('interest', 'interest', 'w'));
    await publish('x.a', 1, 6);
    const upTo = STEP_IDS.slice(STEP_IDS.indexOf('expand'), STEP_IDS.indexOf('handover') + 1);
    for (const step of upTo) {
      const paused = await migrate(run.environment, { to: 'multi', options: OPTIONS, pauseBefore: step });
      expect(paused, step).toMatchObject({ json: { pausedBefore: step } });
      // The copy has to stand before it is taken back: a target of interest that nobody reads yet would drop it.
      const copied = step === 'expand' ? [] : numbers(1, 6);
      await expect.poll(() => held('NEW'), SOURCE_GONE).toEqual(copied);
      expect(await rollBack(run.environment), step).toMatchObject({ exitCode: 0, json: { to: 'single' } });
      expect(await retentionOf('OLD')).toMatchObject({ retention: 'interest' });
    }
    expect(await held('OLD')).toEqual(numbers(1, 6));
    await go('multi');
    expect(await retentionOf('NEW')).toMatchObject({ retention: 'interest' });
    expect(await work('NEW', 'w', 100)).toEqual(numbers(1, 6));
    await emptied('NEW');
  });

  it('a run that stops before the end leaves it to the next one, forward or back, to let go again', async () => {
    run = await startRun(moving('interest', 'interest', 'w'));
    await publish('x.a', 1, 6);
    const pause = { to: 'multi', options: OPTIONS, pauseBefore: 'verify' } as const;
    expect(await migrate(run.environment, pause)).toMatchObject({ exitCode: 4 });
    for (const stream of ['OLD', 'NEW'])
      expect(ownRetention(await retentionOf(stream)), stream).toBe('interest');
    expect(await retentionOf('NEW')).toMatchObject({ retention: 'limits' });
    expect(await resume(run.environment)).toMatchObject({ exitCode: 0 });
    await go('single');
    expect(await migrate(run.environment, pause)).toMatchObject({ exitCode: 4 });
    expect(await rollBack(run.environment)).toMatchObject({ exitCode: 0, json: { to: 'single' } });
    for (const stream of ['OLD', 'NEW'])
      expect(await retentionOf(stream), stream).toMatchObject({ retention: 'interest' });
    expect(await work('OLD', 'w', 100)).toEqual(numbers(1, 6));
  });

  it('is refused where the mode has nobody who reads what would be dropped', async () => {
    const topology = moving('limits', 'interest', 'a');
    run = await startRun(topology);
    expect((await findings())['interest-unread']).toMatch(
      /NEW has retention interest .* not all of x\.> is read/,
    );
    // Nobody read it before either: there is nothing to lose.
    const same = moving('interest', 'interest', 'a');
    run.environment.topology = same;
    await run.change('OLD', { retention: 'interest' });
    await go('multi');
  });
});

describe('work queues', { timeout: 120_000 }, () => {
  const pausedOn = async (stream: string): Promise<string[]> =>
    (await run.account.listConsumers(stream)).flatMap(({ name, paused }) => (paused ? [name] : []));

  it('each durable goes on at its own place, and what it has worked elsewhere never comes again', async () => {
    run = await startRun(moving('limits', 'workqueue', 'a', 'b'));
    await publish('x.a', 1, 20);
    await publish('x.b', 21, 40);
    expect(await work('OLD', 'a', 10, (text) => text !== '4')).toEqual(numbers(1, 10)); // 4 stays unacked
    expect(await work('OLD', 'b', 20)).toEqual(numbers(21, 40));
    await go('multi');
    expect(await held('NEW')).toEqual(numbers(4, 20)); // of x.b nothing was left
    await publish('x.b', 41, 42);
    expect(await work('NEW', 'a', 12)).toEqual(numbers(4, 15));
    expect(await work('NEW', 'b', 9)).toEqual(['41', '42']);
    await go('single');
    expect(await held('OLD')).toEqual(numbers(1, 40)); // what the queue was rid of does not come back
    expect(await work('OLD', 'a', 99)).toEqual(numbers(16, 20));
    await publish('x.a', 43, 45);
    expect(await work('OLD', 'a', 1)).toEqual(['43']);
    await go('multi');
    expect(await held('NEW')).toEqual(['44', '45']);
    expect(await work('NEW', 'a', 99)).toEqual(['44', '45']);
    await emptied('NEW');
  });

  it('nothing is delivered until all is compared; whoever paused a durable before finds it paused', async () => {
    run = await startRun(moving('workqueue', 'workqueue', 'a', 'b'));
    await publish('x.a', 1, 6);
    const until = new Date(Date.now() + 3_600_000).toISOString();
    await run.account.pauseConsumer('OLD', 'b', until);
    const pause = { to: 'multi', options: OPTIONS, pauseBefore: 'verify' } as const;
    expect(await migrate(run.environment, pause)).toMatchObject({ exitCode: 4 });
    expect(await pausedOn('NEW')).toEqual(['a', 'b']);
    expect(await work('NEW', 'a', 6)).toEqual([]);
    const { consumers } = await readStatus(run.account, run.environment.topology);
    expect(consumers).toContainEqual(expect.objectContaining({ stream: 'NEW', name: 'a', paused: true }));
    expect(await resume(run.environment)).toMatchObject({ exitCode: 0 });
    expect(await work('NEW', 'a', 6)).toEqual(numbers(1, 6));
    expect([await pausedOn('NEW'), await pausedOn('OLD')]).toEqual([['b'], ['b']]); // a pause goes along
    const { pause_until } = (await run.account.consumer('OLD', 'b'))!.config;
    expect(Date.parse(pause_until!)).toBe(Date.parse(until));
  });

  it('a run that is taken back at each step leaves the origin as it was, and the next one goes on', async () => {
    run = await startRun(moving('limits', 'workqueue', 'w'));
    await publish('x.a', 1, 6);
    const upTo = STEP_IDS.slice(STEP_IDS.indexOf('expand'), STEP_IDS.indexOf('handover') + 1);
    for (const step of upTo) {
      const paused = await migrate(run.environment, { to: 'multi', options: OPTIONS, pauseBefore: step });
      expect(paused, step).toMatchObject({ json: { pausedBefore: step } });
      expect(await rollBack(run.environment), step).toMatchObject({ exitCode: 0, json: { to: 'single' } });
      expect(await tracesOf(run.account, run.environment.topology), step).toEqual([]);
    }
    expect(await work('OLD', 'w', 2)).toEqual(['1', '2']);
    await go('multi');
    expect(await work('NEW', 'w', 99)).toEqual(numbers(3, 6));
  });

  it('is refused where a queue holds, or hears, what none of its durables claims', async () => {
    run = await startRun(moving('workqueue', 'limits', 'a'));
    await publish('x.b', 1, 3);
    expect((await findings())['queue-unclaimed']).toMatch(
      /^OLD is a work queue, .* all of x\.>, x\.b \(3 messages\)/,
    );
    await run.stop();
    run = await startRun(moving('limits', 'workqueue', 'a'));
    expect((await findings())['queue-unclaimed']).toMatch(
      /^NEW is a work queue, .* all of x\.> \(0 messages\)/,
    );
  });

  it('is refused where copies would be worked again', async () => {
    run = await startRun(moving('limits', 'workqueue', 'w'));
    expect((await findings({ copy: 'all' }))['copy-into-queue']).toMatch(/NEW is a work queue/);
    await run.change('NEW', { deny_purge: true });
    expect((await findings())['retention-not-movable']).toMatch(/NEW has retention workqueue and denyPurge/);
  });

  it.each(WITH_QUEUE)(
    '%s -> %s is refused by a server that is too old, before anything changes',
    async (from, to) => {
      run = await startRun(moving(from, to, 'w'), { binary: (await fetchNatsServer(lastWithout)).path });
      const before = JSON.stringify([await retentionOf('OLD'), await retentionOf('NEW')]);
      const queue = from === 'workqueue' ? 'OLD' : 'NEW';
      expect((await findings())['retention-not-movable']).toMatch(
        new RegExp(`^${queue} has retention workqueue: this server counts a source as a reader`),
      );
      expect(JSON.stringify([await retentionOf('OLD'), await retentionOf('NEW')])).toBe(before);
    },
  );
});

describe('streams of interest with replicas', () => {
  it('a server that cannot be told to keep what moves stops a run before anything is copied', async () => {
    run = await startRun(moving('interest', 'interest', 'w'));
    const { account } = run;
    const replicas = [
      { name: 'n2', current: true },
      { name: 'n3', current: false },
    ];
    // As a cluster answers whose third server is away.
    const stream: typeof account.stream = async (name) => {
      const info = await account.stream(name);
      return info && { ...info, config: { ...info.config, num_replicas: 3 } };
    };
    const consumer: typeof account.consumer = async (of, name) => {
      const info = await account.consumer(of, name);
      return info && { ...info, cluster: { leader: 'n1', replicas } };
    };
    const clustered = Object.create(account, { stream: { value: stream }, consumer: { value: consumer } });
    const context: HandoverContext = {
      account: clustered as typeof account,
      host: silentHost,
      journal: { effect: (_name, _data, effect) => effect() },
      signal: new AbortController().signal,
    };
    await expect(keepEverything(context, 'OLD', 100)).rejects.toMatchObject({
      code: 'keeper-missing',
      details: { stream: 'OLD', lacking: ['n3'] },
    });
    replicas[1]!.current = true;
    await keepEverything(context, 'OLD', 100);
    expect((await account.listConsumers('OLD')).filter(isKeeper)).toHaveLength(1);
    await endKeeping(context, 'OLD');
    expect((await account.listConsumers('OLD')).filter(isKeeper)).toEqual([]);

    await keepEverything(context, 'OLD', 100);
    await endKeeping({ ...context, account }, 'OLD'); // somebody has scaled it down to one replica meanwhile
    expect((await account.listConsumers('OLD')).filter(isKeeper)).toEqual([]);
  });
});

/** What the table in docs/handover.md rests on: what servers do, without us. */
describe.each([oldest, undefined])('what nats-server %s does', (version) => {
  const start = async (): Promise<void> => {
    run = await startRun(
      topologyOf('none', { single: { subjects: {} } }),
      version ? { binary: (await fetchNatsServer(version)).path } : {},
    );
  };
  const durable = (stream: string, fields: Partial<ConsumerConfig> = {}): Promise<unknown> =>
    run.account.createConsumer(stream, {
      durable_name: 'w',
      ack_policy: 'explicit',
      filter_subject: 'x.a',
      ...fields,
    } as ConsumerConfig);
  const sourcing = (retention: Retention, subject = '_t'): Promise<unknown> =>
    run.account.createStream({ name: 'T', subjects: [subject], retention, sources: [{ name: 'O' }] });
  const lastSeqOf = (stream: string) => async () => (await run.account.stream(stream))!.state.last_seq;
  const messagesOf = async (stream: string): Promise<number> =>
    (await run.account.stream(stream))!.state.messages;

  it.each(['interest', 'workqueue'] as const)(
    'a source takes what stands on a stream of %s, and leaves there what a durable still needs',
    async (retention) => {
      await start();
      await run.account.createStream({ name: 'O', subjects: ['x.>'], retention });
      await durable('O');
      await publish('x.a', 1, 10);
      await work('O', 'w', 4, (text) => text !== '2');
      await sourcing('limits');
      await expect.poll(() => messagesOf('T')).toBe(7);
      expect(await messagesOf('O')).toBe(7);
    },
  );

  it('a source is no reason to keep what no durable of a work queue claims', async () => {
    await start();
    await run.account.createStream({ name: 'O', subjects: ['x.>'], retention: 'workqueue' });
    await durable('O');
    await publish('x.b', 1, 3);
    await publish('x.a', 4);
    await sourcing('limits');
    await expect.poll(() => messagesOf('T')).toBe(4);
    await expect.poll(() => held('O'), SOURCE_GONE).toEqual(['4']);
  });

  // From 2.14 on: it finds the consumer of the source before those whose names sort behind it, and none but that one wants anything (adr/0023).
  it('started again, it lets go of what a stream of interest that is sourced has for its durables', async () => {
    await start();
    await run.account.createStream({ name: 'O', subjects: ['x.>'], retention: 'interest' });
    await durable('O');
    await publish('x.a', 1, 10);
    await sourcing('limits');
    await expect.poll(() => messagesOf('T')).toBe(10);
    const sourceHasSettled = async (): Promise<boolean> =>
      (await run.account.listConsumers('O')).every(
        ({ name, ack_floor }) => name === 'w' || ack_floor.stream_seq === 10,
      );
    await expect.poll(sourceHasSettled, { timeout: 10_000 }).toBe(true);
    await run.account.close();
    await run.server.restart();
    run.account = await openWriter({ servers: [run.server.url] });
    await expect.poll(() => messagesOf('O')).toBe(version ? 10 : 0);
  });

  it('a target of interest drops the copies that none of its durables reads, and its sequence goes on', async () => {
    await start();
    await run.account.createStream({ name: 'O', subjects: ['x.>'] });
    await publish('x.a', 1, 5);
    await sourcing('interest');
    await expect.poll(lastSeqOf('T')).toBe(5);
    expect(await messagesOf('T')).toBe(0);
  });

  it('a work queue takes a source, lets a durable begin at everything only, and has no second reader', async () => {
    await start();
    await run.account.createStream({ name: 'O', subjects: ['x.>'] });
    await publish('x.a', 1, 5);
    await sourcing('workqueue');
    await expect.poll(() => messagesOf('T')).toBe(5);
    for (const deliver_policy of ['by_start_sequence', 'new', 'last'] as const) {
      const refused = durable('T', {
        deliver_policy,
        ...(deliver_policy === 'by_start_sequence' ? { opt_start_seq: 3 } : {}),
      } as Partial<ConsumerConfig>);
      await expect(refused).rejects.toMatchObject({ errCode: 10101 });
    }
    await durable('T');
    await expect(durable('T', { durable_name: 'v' })).rejects.toMatchObject({ errCode: 10100 });
    const reader = { stream_name: 'T', config: { ack_policy: 'none', deliver_policy: 'all' } };
    await expect(run.account.api('CONSUMER.CREATE.T', reader)).rejects.toMatchObject({ errCode: 10084 });
    expect(await held('T')).toEqual(numbers(1, 5)); // by single gets
    // What its durable acks is gone from the copy, though the origin has it: nothing to compare it with.
    await work('T', 'w', 5);
    await expect.poll(() => messagesOf('T')).toBe(0);
    expect(await messagesOf('O')).toBe(5);
  });

  it('retention goes from interest to limits and back in place: what every durable has acked goes then', async () => {
    await start();
    await run.account.createStream({ name: 'O', subjects: ['x.>'], retention: 'interest' });
    await durable('O');
    await publish('x.a', 1, 6);
    await run.change('O', { retention: 'limits' });
    await work('O', 'w', 4, (text) => text !== '2');
    expect(await messagesOf('O')).toBe(6);
    await run.change('O', { retention: 'interest' });
    await expect.poll(() => held('O')).toEqual(expect.arrayContaining(['2', '5', '6']));
    await work('O', 'w', 2);
    await expect(run.change('O', { retention: 'workqueue' })).rejects.toMatchObject({ errCode: 10052 });
  });
});
