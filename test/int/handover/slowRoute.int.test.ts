import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  catchUp,
  emptyMemory,
  handOver,
  type HandoverContext,
  openWriter,
  type Ownership,
  planHandovers,
  prepareGroup,
  rememberWindow,
  sentinelsOf,
  settleWindow,
  silentHost,
  startCopies,
} from '@aa-ops/topology';
import { judge, startTraffic } from '../../../cli/src/traffic/index.ts';
import { type FaultCluster, startFaultCluster } from '../../support/faults/faultCluster.ts';
import { heardThrough } from '../../support/heardThrough.ts';
import type { NatsServer } from '../../support/servers.ts';

// Two ways of losing a publish between servers: what is still on its way to the origin when the release comes, and what a server has nowhere
// to send to, since it learns of the hold's end before it learns of the new owner. And one of storing it twice: what is on its way to the hold's
// server already, for somebody else there, comes to a hold that begins meanwhile.
const LATE_MS = 80;
const ROUNDS = 4;
const HERE: Ownership = { FROM: ['a.>'], TO: [] };
const THERE: Ownership = { FROM: [], TO: ['a.>'] };

let cluster: FaultCluster;
beforeEach(async () => {
  cluster = await startFaultCluster();
});
afterEach(() => cluster.stop());

it.each([
  ['owner', 'nobody else'],
  ['holder', 'nobody else'],
  ['holder', 'somebody'],
] as const)(
  "what goes between the publishers' server and the %s's arrives late, and %s listens there: nothing is refused, dropped or doubled",
  async (late, who) => {
    const [owner, holder, publishers] = cluster.servers as [NatsServer, NatsServer, NatsServer];
    const account = await openWriter({ servers: [owner.url] });
    const placement = { tags: ['node-0'] };
    await account.createStream({ name: 'FROM', storage: 'file', subjects: ['a.>'], placement });
    await account.createStream({ name: 'TO', storage: 'file', subjects: ['_aa-ops.closed.TO'], placement });
    const listener = who === 'somebody' ? await openWriter({ servers: [holder.url] }) : undefined;
    listener?.connection.subscribe('a.>', { callback: () => {} });
    await heardThrough(publishers.url, 'a.1');
    cluster.delay(late === 'owner' ? owner : holder, publishers, LATE_MS);
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
      const done = await handOver(context, { servers: [holder.url] }, group, { run: `run${n}`, attempt: 1 });
      expect(done.window.outcome).toBe('taken');
      const sentinels = await sentinelsOf(account, done.spec, done.window.sentinels);
      memory = rememberWindow(memory, done.spec, sentinels);
      await settleWindow(context, done.spec, sentinels);
    }
    await traffic.stop();
    const verdict = await judge(account, traffic.ledger, { streams: ['FROM', 'TO'], holders: ['FROM'] });
    await listener?.close();
    await account.close();
    expect(verdict).toMatchObject({ lost: 0, doubled: 0, refused: 0, unanswered: 0 });
    expect(verdict.acked).toBeGreaterThan(ROUNDS);
  },
);
