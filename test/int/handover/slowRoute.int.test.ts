import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  catchUp,
  emptyMemory,
  handOver,
  type HandoverContext,
  type JetStreamWriter,
  openWriter,
  type Ownership,
  planHandovers,
  prepareGroup,
  rememberWindow,
  sentinelsOf,
  settleWindow,
  silentHost,
  startCopies,
  type StreamConfig,
} from '@aa-ops/topology';
import { judge, startTraffic } from '../../../cli/src/traffic/index.ts';
import { type FaultCluster, startFaultCluster } from '../../support/faults/faultCluster.ts';
import type { NatsServer } from '../../support/servers.ts';

// Two ways of losing a publish between servers: what is still on its way to the origin when the release comes, and what a server has nowhere
// to send to, since it learns of the hold's end before it learns of the new owner.
const LATE_MS = 80;
const ROUNDS = 4;
const HERE: Ownership = { FROM: ['a.>'], TO: [] };
const THERE: Ownership = { FROM: [], TO: ['a.>'] };

let cluster: FaultCluster;
beforeEach(async () => {
  cluster = await startFaultCluster();
});
afterEach(() => cluster.stop());

/** The cluster puts a stream on any of its servers. */
async function makeOn(server: NatsServer, account: JetStreamWriter, config: StreamConfig): Promise<void> {
  for (;;) {
    await account.createStream(config);
    if ((await cluster.leaderOf(account, config.name)) === server) return;
    await account.deleteStream(config.name);
  }
}

it('between two servers everything arrives late: nobody is refused, and nothing dropped', async () => {
  const owner = cluster.servers[0]!;
  const account = await openWriter({ servers: [owner.url] });
  for (const [name, subjects] of [
    ['FROM', ['a.>']],
    ['TO', ['_aa-ops.closed.TO']],
  ] as const)
    await makeOn(owner, account, { name, storage: 'file', subjects: [...subjects] });
  const [, holders, publishers] = cluster.servers as [NatsServer, NatsServer, NatsServer];
  cluster.delay(owner, publishers, LATE_MS);
  const journal: HandoverContext['journal'] = { effect: (_name, _data, work) => work() };
  const context = { account, host: silentHost, journal, signal: new AbortController().signal };
  const traffic = await startTraffic(
    { servers: [publishers.url] },
    [1, 2, 3, 4].map((n) => ({
      name: `p${n}`,
      kind: 'pipelined' as const,
      inFlight: 64,
      msgId: false,
      ratePerSecond: 500,
      subjects: ['a.1', 'a.2'],
    })),
  );

  let memory = emptyMemory();
  for (let n = 0; n < ROUNDS; n++) {
    const [from, to] = n % 2 === 0 ? [HERE, THERE] : [THERE, HERE];
    const [planned] = planHandovers(from!, to!);
    const options = { run: `run${n}`, memory, movers: [], copyFrom: 'unacked' as const };
    const { group } = await prepareGroup(account, planned!, options);
    await startCopies(context, group.copies);
    for (const copy of group.copies) await catchUp(context, copy, { timeoutMs: 10_000 });
    const done = await handOver(context, { servers: [holders.url] }, group, { run: `run${n}`, attempt: 1 });
    expect(done.window.outcome).toBe('taken');
    const sentinels = await sentinelsOf(account, done.spec, done.window.sentinels);
    memory = rememberWindow(memory, done.spec, sentinels);
    await settleWindow(context, done.spec, sentinels);
  }
  await traffic.stop();
  const verdict = await judge(account, traffic.ledger, { streams: ['FROM', 'TO'], holders: ['FROM'] });
  await account.close();
  expect(verdict).toMatchObject({ lost: 0, doubled: 0, refused: 0, unanswered: 0 });
  expect(verdict.acked).toBeGreaterThan(ROUNDS);
});
