import { execFileSync } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT_BOUNDS, type JetStreamWriter, openHold, type StreamConfig } from '@aa-ops/topology';
import { migrate } from '../../../cli/src/runbook/migrate.ts';
import { judge, startTraffic } from '../../../cli/src/traffic/index.ts';
import { startLink } from '../../support/faults/link.ts';
import { OPTIONS, startRun, type TestRun } from '../../support/runs.ts';
import { topologyOf } from '../../support/topologies.ts';
import { tracesOf } from '../../support/traces.ts';

const topology = topologyOf('bounds', {
  single: { subjects: { OLD: ['x.>'] }, consumers: { w: { stream: 'OLD', filters: ['x.>'] } } },
  multi: { subjects: { NEW: ['x.>'] }, consumers: { w: { stream: 'NEW', filters: ['x.>'] } } },
});
const MEGABYTE = 1_000_000;
/** What the server keeps for a client that reads slower than it should; 64 MB by default. */
const MAX_PENDING = 40 * MEGABYTE;

let run: TestRun;
beforeEach(async () => {
  run = await startRun(topology, { config: `max_pending: ${MAX_PENDING}` });
});
afterEach(() => run.stop());

const hears = ({ subjects }: StreamConfig, part: string): boolean =>
  subjects!.some((subject) => subject.startsWith(`_aa-ops.${part}.`));

/** The account as the run sees it, with another way to change a stream. */
const changing = (account: JetStreamWriter, change: JetStreamWriter['updateStream']): JetStreamWriter =>
  Object.create(account, { updateStream: { value: change } }) as JetStreamWriter;

/** Publishers of every kind on small messages, next to what fills the hold. */
const startPublishers = () =>
  startTraffic(run.settings, [
    { name: 'ids', kind: 'pipelined', msgId: true, ratePerSecond: 100, subjects: ['x.a'], timeoutMs: 30_000 },
    { name: 'bare', kind: 'waiting', msgId: false, ratePerSecond: 100, subjects: ['x.b'], timeoutMs: 30_000 },
    {
      name: 'big',
      kind: 'pipelined',
      inFlight: 35,
      msgId: false,
      subjects: ['x.big'],
      limit: 35,
      payload: (n) => new Uint8Array(MEGABYTE - 1_000).fill(n),
      timeoutMs: 20_000,
    },
  ]);

/** What fills the hold begins in the first window, which ends only when it is full: its copy is taken away. */
async function overfill(holdBytes: number): Promise<Awaited<ReturnType<typeof judge>>> {
  const { account } = run;
  let traffic: Awaited<ReturnType<typeof startPublishers>> | undefined;
  let windows = 0;
  run.environment.account = changing(account, async (config) => {
    const info = await account.updateStream(config);
    if (!hears(config, 'epoch')) return info;
    windows += 1;
    if (windows > 1) return info;
    const target = (await account.stream('NEW'))!.config;
    await account.updateStream({ ...target, sources: [] });
    traffic = await startPublishers();
    return info;
  });
  // Not the time is to end it.
  run.environment.windowBounds = { ...DEFAULT_BOUNDS, drainMs: 30_000, holdBytes };
  const outcome = await migrate(run.environment, { to: 'multi', options: OPTIONS });
  const reverted = run.notices.find(({ code }) => code === 'window-reverted');
  expect(reverted?.message).toContain('more was published in the window than may be held');
  expect(outcome, JSON.stringify(outcome.json.error)).toMatchObject({
    exitCode: 0,
    json: { result: 'done' },
  });
  await traffic!.stop();
  const verdict = await judge(account, traffic!.ledger, { streams: ['OLD', 'NEW'] });
  expect(verdict, JSON.stringify(verdict.examples)).toMatchObject({
    lost: 0,
    doubled: 0,
    refused: 0,
    outOfOrderWaiting: 0,
  });
  expect(await tracesOf(account, topology)).toEqual([]);
  return verdict;
}

describe('more than may be held', () => {
  it(
    'gives the subjects back to the origin, and every held publish with them',
    { timeout: 120_000 },
    async () => {
      const verdict = await overfill(20 * MEGABYTE);
      expect(verdict).toMatchObject({ unanswered: 0, acked: verdict.sent });
      expect(run.notices.map(({ code }) => code)).not.toContain('hold-dropped');
    },
  );

  it(
    'is told where it is more than twice that: those publishes get no answer',
    { timeout: 120_000 },
    async () => {
      const { sent, acked, unanswered } = await overfill(10 * MEGABYTE);
      const told = run.notices.find(({ code }) => code === 'hold-dropped');
      expect(told?.data).toMatchObject({ filters: ['x.>'], dropped: unanswered });
      expect(unanswered).toBeGreaterThan(0);
      expect(acked + unanswered).toBe(sent);
    },
  );

  it('is not kept past twice the limit, whatever comes', async () => {
    const maxBytes = 10 * MEGABYTE;
    const hold = await openHold(run.settings, ['unowned.>'], { maxBytes });
    for (let i = 0; i < 40; i++)
      run.account.connection.publish('unowned.x', new Uint8Array(MEGABYTE - 1_000));
    await run.account.connection.flush();
    const held = await hold.end([]);
    await hold.close();
    expect(hold.overflown).toBe(true);
    expect(held.length).toBeLessThanOrEqual(20);
    expect(held.length + hold.dropped).toBe(40);
  });
});

describe('a burst that comes while the process is busy', () => {
  const BURST = 30;
  /** A publisher in a process of its own, for which this one stands still. */
  const publishBurst = (url: string): void =>
    void execFileSync(process.execPath, [
      '-e',
      `require('nats').connect({ servers: process.argv[1] }).then(async (nc) => {
        for (let n = 0; n < ${BURST}; n++) nc.publish('unowned.x', new Uint8Array(${MEGABYTE - 1_000}), { reply: 'nobody.' + n });
        await nc.flush();
        await nc.close();
      })`,
      url,
    ]);

  it('is held as a whole as long as the server keeps that much for a client', async () => {
    const { account } = run;
    const { leader } = (await account.stream('NEW'))!.cluster!;
    const owners = [{ stream: 'NEW', subjects: ['unowned.>'], server: leader!, since: undefined }];
    const hold = await openHold(run.settings, ['unowned.>'], { maxBytes: DEFAULT_BOUNDS.holdBytes, owners });
    publishBurst(run.server.url);
    const held = await hold.end([]);
    expect(held.map(({ hasPassed }) => hasPassed)).toEqual(Array.from({ length: BURST }, () => true));
    await hold.close();
  });
});

describe('a hold whose connection breaks in the window', () => {
  it(
    'says that publishes of that moment have to be tried again, and loses nothing',
    { timeout: 60_000 },
    async () => {
      const { account } = run;
      const link = await startLink(run.server.port);
      let isBroken = false;
      run.environment.settings = { ...run.settings, servers: [link.url] };
      run.environment.account = changing(account, async (config) => {
        const info = await account.updateStream(config);
        if (!hears(config, 'epoch') || isBroken) return info;
        isBroken = true;
        link.breakAll();
        return info;
      });
      const traffic = await startTraffic(run.settings, [
        {
          name: 'ids',
          kind: 'waiting',
          msgId: true,
          ratePerSecond: 200,
          subjects: ['x.a'],
          timeoutMs: 2_000,
        },
        {
          name: 'bare',
          kind: 'waiting',
          msgId: false,
          ratePerSecond: 200,
          subjects: ['x.b'],
          timeoutMs: 2_000,
        },
      ]);
      const outcome = await migrate(run.environment, { to: 'multi', options: OPTIONS });
      await traffic.stop();
      await link.stop();
      expect(outcome, JSON.stringify(outcome.json.error)).toMatchObject({ exitCode: 0 });
      expect(run.notices.filter(({ code }) => code === 'hold-broke')).toMatchObject([
        { level: 'warn', data: { filters: ['x.>'], breaks: 1, dropped: 0 } },
      ]);
      const verdict = await judge(account, traffic.ledger, { streams: ['OLD', 'NEW'] });
      expect(verdict, JSON.stringify(verdict.examples)).toMatchObject({ lost: 0, doubled: 0 });
    },
  );
});

describe('a take that is refused again and again', () => {
  it('gives the subjects back once the hold has stood for long enough', { timeout: 120_000 }, async () => {
    const { account } = run;
    const traffic = await startTraffic(run.settings, [
      {
        name: 'ids',
        kind: 'pipelined',
        msgId: true,
        ratePerSecond: 100,
        subjects: ['x.a'],
        timeoutMs: 30_000,
      },
      {
        name: 'bare',
        kind: 'waiting',
        msgId: false,
        ratePerSecond: 100,
        subjects: ['x.b'],
        timeoutMs: 30_000,
      },
    ]);
    // The storage of a stream cannot be changed: each of these takes is really refused by the server.
    const refused = () => !run.notices.some(({ code }) => code === 'window-reverted');
    run.environment.account = changing(account, (config) =>
      account.updateStream(
        hears(config, 'barrier') && config.name === 'NEW' && refused()
          ? { ...config, storage: 'memory' }
          : config,
      ),
    );
    const outcome = await migrate(run.environment, { to: 'multi', options: OPTIONS });
    await traffic.stop();
    expect(outcome, JSON.stringify(outcome.json.error)).toMatchObject({
      exitCode: 0,
      json: { result: 'done' },
    });
    expect(run.notices.find(({ code }) => code === 'window-reverted')?.message).toContain('storage');
    // What kept a copy from coming through would keep the next window's too.
    const told = run.notices.map(({ code }) => code);
    expect(told.slice(told.indexOf('window-reverted'))).toContain('copy-restarted');
    const verdict = await judge(account, traffic.ledger, { streams: ['OLD', 'NEW'] });
    expect(verdict, JSON.stringify(verdict.examples)).toMatchObject({
      lost: 0,
      doubled: 0,
      refused: 0,
      unanswered: 0,
      acked: verdict.sent,
    });
    expect(await tracesOf(account, topology)).toEqual([]);
  });
});
