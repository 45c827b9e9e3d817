import { expect, it, onTestFinished } from 'vitest';
import {
  catchUp,
  emptyMemory,
  handOver,
  type HandoverContext,
  type Notice,
  openWriter,
  planHandovers,
  prepareGroup,
  startCopies,
} from '@aa-ops/topology';
import { startNatsCluster } from '../../support/servers.ts';

// As behind a port-forward: the other servers give an address that leads nowhere from here, and route publishes all the same.
it.each([
  ['leads nowhere', 'client_advertise: "127.0.0.1:1"', 2],
  ['leads there', undefined, 0],
])('a cluster whose address %s', async (_what, config, unreached) => {
  const cluster = await startNatsCluster(3, config === undefined ? {} : { config });
  onTestFinished(() => cluster.stop());
  const [url] = cluster.urls as [string];
  const account = await openWriter({ servers: [url] });
  onTestFinished(() => account.close());
  for (const [name, subject] of [
    ['FROM', 'a.>'],
    ['TO', '_aa-ops.closed.TO'],
  ] as const)
    await account.createStream({ name, subjects: [subject], num_replicas: 3 });
  const notices: Notice[] = [];
  const context: HandoverContext = {
    account,
    host: { notify: (notice) => void notices.push(notice) },
    journal: { effect: (_name, _data, work) => work() },
    signal: new AbortController().signal,
  };
  const [planned] = planHandovers({ FROM: ['a.>'], TO: [] }, { FROM: [], TO: ['a.>'] });
  const options = { run: 'run', memory: emptyMemory(), movers: [], copyFrom: 'unacked' as const };
  const { group } = await prepareGroup(account, planned!, options);
  await startCopies(context, group.copies);
  for (const copy of group.copies) await catchUp(context, copy, { timeoutMs: 10_000 });
  const { window } = await handOver(context, { servers: [url] }, group, { run: 'run', attempt: 1 });
  expect(window.outcome).toBe('taken');
  const told = notices.filter(({ code }) => code === 'hold-unreached');
  expect(told.flatMap(({ data }) => data?.['servers'])).toHaveLength(unreached);
});
