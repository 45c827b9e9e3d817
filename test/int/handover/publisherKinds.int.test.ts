import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type JetStreamWriter,
  type PublishOutcome,
  readRange,
  type StreamConfig,
  type StreamMessage,
  type Topology,
} from '@aa-ops/topology';
import { migrate } from '../../../cli/src/runbook/migrate.ts';
import { rollBack } from '../../../cli/src/runbook/rollBack.ts';
import { judge, type Sender, startSenders, type Verdict } from '../../../cli/src/traffic/index.ts';
import { identifyAny, type Kind, openKind, openPythonKind } from '../../support/publishers/kinds.ts';
import { findPythonClient, openPythonClient } from '../../support/publishers/pythonClient.ts';
import { OPTIONS, startRun, type TestRun } from '../../support/runs.ts';
import { topologyOf } from '../../support/topologies.ts';
import { tracesOf } from '../../support/traces.ts';

const topology = topologyOf('kinds', {
  single: { subjects: { OLD: ['x.>'] } },
  multi: { subjects: { NEW: ['x.>'] } },
});
/** ms that each window is kept open, so that every publisher has something held in it. */
const WINDOW_MS = 300;
/** What a server takes by default, to the byte. */
const MAX_PAYLOAD = 1_048_576;

/** Or why there is none. */
const python = await findPythonClient();
if ('missing' in python) console.log(`no publisher in Python: ${python.missing}`);

let run: TestRun;
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  await run.stop();
});

/** The account as the run sees it: it waits a little before it takes. */
const lingering = (account: JetStreamWriter): JetStreamWriter =>
  Object.create(account, {
    updateStream: {
      value: async (config: StreamConfig) => {
        if (config.subjects!.some((subject) => subject.startsWith('_aa-ops.barrier.')))
          await delay(WINDOW_MS);
        return account.updateStream(config);
      },
    },
  }) as JetStreamWriter;

interface Seen {
  verdict: Verdict;
  /** Publishes that were held, over both windows. */
  held: number;
  /** Of all streams, of one publisher; not the copies. */
  stored(publisher: string): StreamMessage[];
}

/** There and back while the senders are at work; then everything that the streams hold. */
async function thereAndBack(senders: Sender[]): Promise<Seen> {
  run.environment.account = lingering(run.account);
  const traffic = startSenders(senders);
  closing.push(() => traffic.stop());
  let held = 0;
  for (const go of [
    () => migrate(run.environment, { to: 'multi', options: OPTIONS }),
    () => rollBack(run.environment),
  ]) {
    const outcome = await go();
    expect(outcome, JSON.stringify(outcome.json.error)).toMatchObject({
      exitCode: 0,
      json: { result: 'done' },
    });
    held += outcome.json.handovers[0]!.held;
  }
  await traffic.stop();
  const identify = identifyAny(traffic.ledger.run);
  const verdict = await judge(run.account, traffic.ledger, { streams: ['OLD', 'NEW'], identify });
  const own = new Map<string, StreamMessage[]>();
  for (const stream of ['OLD', 'NEW']) {
    for await (const batch of readRange(run.account, stream, { fromSeq: 1, filters: ['x.>'] })) {
      for (const message of batch) {
        const publisher = message.headers.has('Nats-Stream-Source')
          ? undefined
          : identify(message)?.publisher;
        if (publisher !== undefined) own.set(publisher, [...(own.get(publisher) ?? []), message]);
      }
    }
  }
  expect(await tracesOf(run.account, topology)).toEqual([]);
  return { verdict, held, stored: (publisher) => own.get(publisher) ?? [] };
}

const open = (kinds: Kind[]): Promise<Sender[]> =>
  Promise.all(kinds.map((kind) => openKind(run.settings, `x.${kind.name}`, kind)));
const of = ({ verdict }: Seen, name: string) => verdict.publishers.find((one) => one.name === name)!;

describe('publishers during a handover there and back', () => {
  it('of every kind lose and double nothing, and are never refused', { timeout: 120_000 }, async () => {
    run = await startRun(topology);
    const big = new Uint8Array(MAX_PAYLOAD - 200).fill(7); // its headers count too
    const kinds: Kind[] = [
      { name: 'request', ratePerSecond: 100 },
      { name: 'jetstream', how: 'js', ratePerSecond: 100 },
      {
        name: 'jetstream-ids',
        how: 'js',
        kind: 'pipelined',
        ratePerSecond: 200,
        headers: (n) => [['Nats-Msg-Id', `${n}`]],
      },
      { name: 'core', how: 'core', kind: 'pipelined', ratePerSecond: 100 },
      { name: 'plain', ratePerSecond: 100, plain: true },
      {
        name: 'headers',
        ratePerSecond: 50,
        headers: (n) => [
          ['X-Trace', `${n}`],
          ['X-Many', 'one'],
          ['X-Many', 'two, and more'],
          ['x-lower', 'ümlaut'],
          ['X-Empty', ''],
        ],
      },
      { name: 'empty', ratePerSecond: 50, payload: () => new Uint8Array(0) },
      { name: 'big', ratePerSecond: 10, payload: () => big },
    ];
    const seen = await thereAndBack(await open(kinds));
    const { verdict } = seen;
    expect(verdict, JSON.stringify(verdict.examples)).toMatchObject({
      lost: 0,
      doubled: 0,
      refused: 0,
      strangers: 0,
      misplaced: 0,
      outOfOrderWaiting: 0,
    });
    // At the least one of every waiting kind in each window.
    expect(seen.held).toBeGreaterThan(2 * (kinds.length - 1));
    const core = of(seen, 'core');
    expect(core.storedUnacked).toBe(core.sent); // nobody promised it, and it is so
    expect(verdict.unanswered).toBe(core.sent);
    for (const { data, headers } of seen.stored('headers')) {
      expect(headers.all.get('X-Trace')).toEqual([new TextDecoder().decode(data)]);
      expect(headers.all.get('X-Many')).toEqual(['one', 'two, and more']);
      expect(headers.all.get('x-lower')).toEqual(['ümlaut']);
      expect(headers.all.get('X-Empty')).toEqual(['']);
    }
    expect(seen.stored('empty').every(({ data }) => data.length === 0)).toBe(true);
    expect(seen.stored('big').every(({ data }) => Buffer.compare(data, big) === 0)).toBe(true);
    for (const { name } of kinds) expect(seen.stored(name).length, name).toBeGreaterThan(0);
  });

  it(
    'with expectations get the refusal of the stream that answers, and what is refused is stored nowhere',
    { timeout: 120_000 },
    async () => {
      run = await startRun(topology);
      let stream = 'OLD';
      let last = 0;
      const codes = new Set<string>();
      const isRefused = (outcome: PublishOutcome): boolean => {
        if (outcome.status === 'refused') codes.add(outcome.code);
        return outcome.status === 'refused';
      };
      const seen = await thereAndBack(
        await open([
          {
            name: 'stream',
            ratePerSecond: 100,
            headers: () => [['Nats-Expected-Stream', stream]],
            told: (outcome) => void (isRefused(outcome) && (stream = stream === 'OLD' ? 'NEW' : 'OLD')),
          },
          {
            name: 'sequence',
            ratePerSecond: 100,
            headers: () => [['Nats-Expected-Last-Subject-Sequence', `${last}`]],
            told(outcome) {
              if (outcome.status === 'stored') last = outcome.seq;
              // As a writer that reads where its subject stands now.
              else if (outcome.status === 'refused')
                last = Number(/sequence: (\d+)/.exec(outcome.message)?.[1] ?? 0);
            },
          },
        ]),
      );
      const { verdict } = seen;
      expect(verdict, JSON.stringify(verdict.examples)).toMatchObject({
        lost: 0,
        doubled: 0,
        unanswered: 0,
        storedUnacked: 0,
        outOfOrderWaiting: 0,
      });
      for (const name of ['stream', 'sequence']) {
        const { refused, acked } = of(seen, name);
        expect(acked, name).toBeGreaterThan(refused);
        expect(refused, name).toBeGreaterThan(0);
      }
      expect([...codes]).toEqual(['js-10060']);
    },
  );

  it('with a time to live keep it, on servers that know it', { timeout: 120_000 }, async () => {
    const streams = Object.entries(topology.streams).map(([name, fields]) => [
      name,
      { ...fields, allow_msg_ttl: true },
    ]);
    run = await startRun({ ...topology, streams: Object.fromEntries(streams) as Topology['streams'] });
    // An hour: what expires while the two streams are compared would be missed in one of them.
    const seen = await thereAndBack(
      await open([{ name: 'hour', ratePerSecond: 100, headers: () => [['Nats-TTL', '1h']] }]),
    );
    expect(seen.verdict).toMatchObject({ doubled: 0, refused: 0, unanswered: 0 });
    expect(of(seen, 'hour')).toMatchObject({ lost: 0 });
    expect(seen.stored('hour').every(({ headers }) => headers.first('Nats-TTL') === '1h')).toBe(true);
  });

  it.runIf('path' in python)(
    'in Python (nats-py), by request, by JetStream and without an ack',
    { timeout: 180_000 },
    async () => {
      run = await startRun(topology);
      const client = await openPythonClient((python as { path: string }).path, run.server.url);
      closing.push(() => client.close());
      const kinds: Kind[] = [
        { name: 'py-request', ratePerSecond: 50 },
        {
          name: 'py-jetstream',
          how: 'js',
          kind: 'pipelined',
          ratePerSecond: 100,
          headers: (n) => [['Nats-Msg-Id', `py-${n}`]],
        },
        { name: 'py-core', how: 'core', kind: 'pipelined', ratePerSecond: 50 },
        { name: 'py-big', how: 'js', ratePerSecond: 5, payload: () => new Uint8Array(MAX_PAYLOAD - 200) },
        { name: 'py-empty', how: 'js', ratePerSecond: 20, payload: () => new Uint8Array(0) },
      ];
      const seen = await thereAndBack(kinds.map((kind) => openPythonKind(client, `x.${kind.name}`, kind)));
      const core = of(seen, 'py-core');
      expect(seen.verdict, JSON.stringify(seen.verdict.examples)).toMatchObject({
        lost: 0,
        doubled: 0,
        refused: 0,
        strangers: 0,
        outOfOrderWaiting: 0,
        unanswered: core.sent,
      });
      expect(core.storedUnacked).toBe(core.sent);
      for (const { name } of kinds) expect(seen.stored(name).length, name).toBeGreaterThan(0);
    },
  );
});
