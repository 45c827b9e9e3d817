import { afterEach, describe, expect, it } from 'vitest';
import { type Finding, type OpsError } from '@aa-ops/topology';
import { migrate, resume } from '../../../cli/src/runbook/migrate.ts';
import { rollBack } from '../../../cli/src/runbook/rollBack.ts';
import { limited, OPTIONS, startRun, type TestRun } from '../../support/runs.ts';
import { topologyOf, withStream } from '../../support/topologies.ts';

const topology = topologyOf('hard', {
  single: { subjects: { OLD: ['x.>'] }, consumers: { w: { stream: 'OLD', filters: ['x.>'] } } },
  multi: { subjects: { NEW: ['x.>'] }, consumers: { w: { stream: 'NEW', filters: ['x.>'] } } },
});

let run: TestRun;
afterEach(() => run?.stop());

const publish = async (count: number, bytes = 10, subject = 'x.a'): Promise<void> => {
  for (let n = 0; n < count; n++) await run.account.connection.request(subject, Buffer.alloc(bytes, `${n} `));
};
/** Everything that a run may not leave behind: configurations, and durables where they stand. */
const account = async (): Promise<string> => {
  const streams = (await run.account.listStreams()).filter(({ config }) => !config.name.startsWith('KV_'));
  const durables = await Promise.all(streams.map(({ config }) => run.account.listConsumers(config.name)));
  return JSON.stringify([streams.map(({ config }) => config), durables.flat().map(({ config }) => config)]);
};
const toMulti = (pauseBefore?: 'expand' | 'consumers' | 'handover') =>
  migrate(run.environment, { to: 'multi', options: OPTIONS, ...(pauseBefore ? { pauseBefore } : {}) });

async function findings(): Promise<Record<string, Finding>> {
  const error = await toMulti().then(
    () => undefined,
    (thrown: OpsError) => thrown,
  );
  expect(error, 'not refused').toMatchObject({ kind: 'refused' });
  const all = (error!.details?.['findings'] ?? []) as Finding[];
  return Object.fromEntries(all.map((one) => [one.code, one]));
}

/** Until the origin's first message has an age, by the server's own clock. */
const untilOlder = (stream: string, ms: number): Promise<void> =>
  expect
    .poll(
      async () => {
        const { ts, state } = (await run.account.stream(stream))!;
        return Date.parse(ts!) - Date.parse(state.first_ts);
      },
      { timeout: 30_000 },
    )
    .toBeGreaterThan(ms);

describe('a durable that is further behind than its target keeps a message', () => {
  it('is refused with both durations; a longer maxAge lets it through; a way back only warns', async () => {
    run = await startRun(topology);
    await publish(3);
    await run.change('NEW', { max_age: 1e9, duplicate_window: 1e9 });
    await untilOlder('OLD', 2_100);
    const { 'target-max-age': found } = await findings();
    expect(found?.message).toMatch(
      /^w is \d+(m\d+)?s behind on OLD \(message 1\), NEW deletes messages after 1s/,
    );
    expect(found?.details).toMatchObject({ durable: 'w', sequence: 1, maxAgeMs: 1_000 });

    await run.change('NEW', { max_age: 3_600e9 });
    expect(await toMulti()).toMatchObject({ exitCode: 0 });

    await run.change('OLD', { max_age: 1e9, duplicate_window: 1e9 });
    await untilOlder('NEW', 1_100);
    await rollBack(run.environment);
    expect(
      run.notices.filter(({ code, level }) => code === 'target-max-age' && level === 'warn'),
    ).not.toEqual([]);
  });
});

describe('a target that is still to be made', () => {
  it('is measured by the limits that it will have', async () => {
    run = await startRun(withStream(topology, 'NEW', { max_msgs: 5, max_msg_size: 64 }));
    await run.account.deleteStream('NEW');
    await publish(9);
    const found = await findings();
    expect(found['target-messages']?.message).toContain('brings 9, its maxMsgs is 5');
    expect(found['target-message-size']?.message).toContain('maxMsgSize of NEW is 64');
    expect(await run.account.stream('NEW')).toBeUndefined();
  });
});

describe('limits of the account', () => {
  it('what a new stream would reserve counts, with the numbers', async () => {
    run = await startRun(topology, limited('max_file: 20MB'));
    run.environment.topology = withStream(topology, 'NEW', { max_bytes: 30 * 2 ** 20 });
    await run.account.deleteStream('NEW');
    expect((await findings())['account-reserved']?.message).toMatch(/needs 31457280 more, the limit is 20/);
  });

  it(
    'reached half way: everything is taken back, and nothing of it stays',
    { timeout: 120_000 },
    async () => {
      run = await startRun(topology, limited('max_file: 3MB'));
      await publish(200, 5_000); // 1 MB, and as much again for its copy
      await run.account.createStream({ name: 'OTHER', subjects: ['other'] });
      const before = await account();
      expect(await toMulti('expand')).toMatchObject({ exitCode: 4 });
      await publish(300, 5_000, 'other'); // somebody else takes what was free
      run.environment.timeouts = { ...run.environment.timeouts, catchUpMs: 3_000 };
      const outcome = await resume(run.environment);
      expect(outcome, JSON.stringify(outcome.json)).toMatchObject({
        exitCode: 1,
        json: { result: 'rolled-back', error: { code: 'copy-stalled' } },
      });
      expect(await account()).toBe(before);
      await run.account.deleteStream('OTHER');
      expect(await toMulti(), 'with room again').toMatchObject({ exitCode: 0, json: { result: 'done' } });
    },
  );
});

describe('messages that go in the middle of a migration', () => {
  const purge = (stream: string): Promise<unknown> => run.account.api(`STREAM.PURGE.${stream}`);
  const left = async (stream: string): Promise<number> => (await run.account.stream(stream))!.state.messages;

  it.each(['expand', 'consumers', 'handover'] as const)(
    'a purge of the origin before %s: what is left comes over, and nothing waits for what is gone',
    { timeout: 120_000 },
    async (step) => {
      run = await startRun(topology);
      await publish(20);
      expect(await toMulti(step)).toMatchObject({ exitCode: 4 });
      await purge('OLD');
      await publish(5);
      const outcome = await resume(run.environment);
      expect(outcome, JSON.stringify(outcome.json)).toMatchObject({ exitCode: 0, json: { result: 'done' } });
      expect(outcome.json.handovers[0]).toMatchObject({ proof: { missing: 0, doubled: 0, different: 0 } });
      // Before `consumers` the copy runs by itself: how much of the 20 it got is chance.
      const brought = await left('NEW');
      const [least, most] = { expand: [5, 5], consumers: [5, 25], handover: [25, 25] }[step] as [
        number,
        number,
      ];
      expect(brought).toBeGreaterThanOrEqual(least);
      expect(brought).toBeLessThanOrEqual(most);
      const { num_pending } = (await run.account.consumer('NEW', 'w'))!;
      expect(num_pending, 'nothing that came is skipped').toBe(brought);
    },
  );

  it('everything expires between the copy and the handover', { timeout: 120_000 }, async () => {
    run = await startRun(topology);
    await publish(20);
    expect(await toMulti('handover')).toMatchObject({ exitCode: 4 });
    await run.change('OLD', { max_age: 100e6, duplicate_window: 100e6 });
    await expect.poll(() => left('OLD'), { timeout: 30_000 }).toBe(0);
    const outcome = await resume(run.environment);
    expect(outcome, JSON.stringify(outcome.json)).toMatchObject({ exitCode: 0, json: { result: 'done' } });
    expect(await left('NEW')).toBe(20);
    expect((await run.account.consumer('NEW', 'w'))!.num_pending).toBe(20);
  });
});
