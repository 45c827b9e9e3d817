import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { openWriter, type OpsError, type StreamConfig, type Topology } from '@aa-ops/topology';
import { changeFilters } from '../../../cli/src/runbook/filters/changeFilters.ts';
import { StateReader } from '../../../cli/src/saga/stateStore.ts';
import { judge, startTraffic } from '../../../cli/src/traffic/index.ts';
import { heardThrough } from '../../support/heardThrough.ts';
import { startRun, type TestRun } from '../../support/runs.ts';
import { fetchNatsServer, startNatsCluster } from '../../support/servers.ts';
import { topologyOf } from '../../support/topologies.ts';

// `apply` where a stream hears a subject of its own by another filter afterwards, as a run (cli/src/runbook/filters).
const NARROW = ['x.a', 'x.b', 'x.c'];
const topology = topologyOf('filters', {
  single: { subjects: { S: ['x.>'] }, consumers: { w: { stream: 'S', filters: ['x.>'] } } },
});
const withFields = (fields: Partial<StreamConfig>): Topology => ({
  ...topology,
  streams: { S: { ...topology.streams['S'], ...fields } },
});

let run: TestRun;
afterEach(() => run?.stop());

async function refusal(filters: string[]): Promise<OpsError> {
  const before = (await run.account.stream('S'))!.config;
  const error = await changeFilters(run.environment, { S: filters }).then(
    () => undefined,
    (thrown: OpsError) => thrown,
  );
  expect(error, 'not refused').toMatchObject({ kind: 'refused' });
  expect(error!.hint).toBeTruthy();
  expect((await run.account.stream('S'))!.config).toEqual(before);
  expect(await new StateReader(run.account, topology.name).openRun()).toBeUndefined();
  return error!;
}

describe('refused before anything changes', () => {
  it('a stream that stores messages under other subjects: what is held would not be found in it', async () => {
    run = await startRun(withFields({ subject_transform: { src: 'x.a', dest: 'y.a' } }));
    expect((await refusal(NARROW)).code).toBe('stream-transforms');
  });

  it('a work queue of a server that cannot pause its durables', async () => {
    const { path } = await fetchNatsServer('2.10.26');
    run = await startRun(withFields({ retention: 'workqueue' }), { binary: path });
    const { code, message } = await refusal(NARROW);
    expect(code).toBe('retention-not-movable');
    expect(message).toContain('nats-server 2.10.26');
  });
});

it('without the rights for a hold, publishers meet 503 in the window and nothing is stored twice', async () => {
  run = await startRun(topology, {
    config: `accounts { A { jetstream: enabled, users: [
      { user: admin, password: pw }
      { user: nohold, password: pw, permissions: { publish: [">"], subscribe: ["_INBOX.>", "_aa-ops.>"] } }
    ] } }`,
    settings: { user: 'admin', password: 'pw' },
  });
  const theirs = { ...run.settings, user: 'nohold' };
  const account = await openWriter(theirs);
  Object.assign(run.environment, { settings: theirs, account });
  const traffic = await startTraffic(run.settings, [
    { name: 'bare', kind: 'waiting', msgId: false, subjects: ['x.a', 'x.b'], ratePerSecond: 400 },
  ]);
  const outcome = await changeFilters(run.environment, { S: NARROW });
  expect(outcome).toMatchObject({ exitCode: 0, json: { command: 'apply', result: 'done' } });
  expect(run.notices.map(({ code }) => code)).toContain('no-hold');
  await traffic.stop();
  await account.close();
  expect(Object.keys(traffic.ledger.errors()).filter((code) => code !== '503')).toEqual([]);
  const verdict = await judge(run.account, traffic.ledger, { streams: ['S'], holders: ['S'] });
  expect(verdict).toMatchObject({ lost: 0, doubled: 0, unanswered: 0 });
});

it('where its report cannot be written it is done all the same, and says so', async () => {
  run = await startRun(topology);
  const file = join(run.environment.runsDir, 'a-file');
  writeFileSync(file, '');
  const outcome = await changeFilters({ ...run.environment, runsDir: file }, { S: NARROW });
  expect(outcome).toMatchObject({ exitCode: 0, json: { result: 'done' } });
  expect(outcome.json).not.toHaveProperty('report');
  expect(run.notices.map(({ code }) => code)).toContain('report-unwritten');
  expect((await run.account.stream('S'))!.config.subjects).toEqual(NARROW);
});

describe('three servers', () => {
  it.each(['limits', 'interest'] as const)(
    'hand over filters of a stream with retention %s, clean',
    async (retention) => {
      run = await startRun(topology);
      const cluster = await startNatsCluster(3);
      const settings = { servers: cluster.urls };
      const account = await openWriter(settings);
      try {
        const config = { ...topology.streams['S'], name: 'S', retention, num_replicas: 3 };
        await account.createStream({ ...config, subjects: ['x.>'] });
        await account.createConsumer('S', { durable_name: 'w', ack_policy: 'explicit' });
        await Promise.all(cluster.urls.map((url) => heardThrough(url, 'x.a')));
        const environment = { ...run.environment, topology, settings, account };
        const traffic = await startTraffic(settings, [
          {
            name: 'ids',
            kind: 'pipelined',
            inFlight: 8,
            msgId: true,
            subjects: ['x.a', 'x.b'],
            ratePerSecond: 200,
          },
          {
            name: 'bare',
            kind: 'pipelined',
            inFlight: 8,
            msgId: false,
            subjects: ['x.a', 'x.c'],
            ratePerSecond: 200,
          },
        ]);
        for (const filters of [NARROW, ['x.>'], NARROW, ['x.>']]) {
          const outcome = await changeFilters(environment, { S: filters });
          expect(outcome).toMatchObject({ exitCode: 0, json: { result: 'done' } });
          expect((await account.stream('S'))!.config).toMatchObject({ retention, subjects: filters });
        }
        await traffic.stop();
        const verdict = await judge(account, traffic.ledger, { streams: ['S'], holders: ['S'] });
        const clean = { lost: 0, doubled: 0, refused: 0, unanswered: 0, strangers: 0 };
        expect(verdict).toMatchObject({ ...clean, acked: verdict.sent });
      } finally {
        await account.close();
        await cluster.stop();
      }
    },
    60_000,
  );
});
