import { afterEach, describe, expect, it } from 'vitest';
import {
  DEFAULT_BOUNDS,
  epochOfSource,
  type JetStreamWriter,
  OpsError,
  realSubjects,
  type StreamConfig,
} from '@aa-ops/topology';
import { migrate, resume } from '../../../cli/src/runbook/migrate.ts';
import { rollBack } from '../../../cli/src/runbook/rollBack.ts';
import { judge, startTraffic, type Traffic } from '../../../cli/src/traffic/index.ts';
import { OPTIONS, startRun, type TestRun } from '../../support/runs.ts';
import { topologyOf } from '../../support/topologies.ts';

/** NEW is to hear more than what had an owner. */
const alone = topologyOf('alone', {
  single: { subjects: { OLD: ['x.1'] }, consumers: { w: { stream: 'OLD', filters: ['x.1'] } } },
  multi: { subjects: { NEW: ['x.>'] }, consumers: { w: { stream: 'NEW', filters: ['x.1'] } } },
});
const beside = topologyOf('beside', {
  single: { subjects: { OLD: ['x.1', 'y.>'] }, consumers: { w: { stream: 'OLD', filters: ['y.>'] } } },
  multi: {
    subjects: { NEW: ['x.>'], OTHER: ['y.>'] },
    consumers: { w: { stream: 'OTHER', filters: ['y.>'] } },
  },
});

let run: TestRun;
let traffic: Traffic;
afterEach(async () => {
  await traffic?.stop();
  await run.stop();
});

const makeForeign = () => run.account.createStream({ name: 'FOREIGN', subjects: ['x.2.*'] });

async function start(topology: typeof alone): Promise<void> {
  run = await startRun(topology);
  traffic = await startTraffic(
    run.settings,
    [
      { name: 'bare', kind: 'waiting', msgId: false, ratePerSecond: 100, subjects: ['x.1'] },
      { name: 'ids', kind: 'pipelined', msgId: true, ratePerSecond: 100, subjects: ['y.a'] },
    ].filter(({ subjects }) => topology === beside || subjects[0] === 'x.1') as Parameters<
      typeof startTraffic
    >[1],
  );
}

/** The run's account, with something done right before each of its updates. */
const withUpdates = (before: (config: StreamConfig) => Promise<void>): JetStreamWriter =>
  Object.create(run.account, {
    updateStream: {
      value: async (config: StreamConfig) => {
        await before(config);
        return run.account.updateStream(config);
      },
    },
  }) as JetStreamWriter;

/** Right before OLD gives its subjects away: behind everything that could have noticed before. */
function madeInTheWindow(): JetStreamWriter {
  let made = false;
  return withUpdates(async ({ name, subjects = [] }) => {
    if (made || name !== 'OLD' || !subjects.some((subject) => subject.startsWith('_aa-ops.epoch.'))) return;
    made = true;
    await makeForeign();
  });
}

const owners = async (): Promise<Record<string, string[]>> => {
  const infos = await run.account.listStreams();
  return Object.fromEntries(
    infos.flatMap(({ config }) => {
      const heard = realSubjects(config.subjects);
      return config.name.startsWith('KV_') || heard.length === 0 ? [] : [[config.name, heard.toSorted()]];
    }),
  );
};

/** What publishers were told is so, and nothing of ours is left. */
async function nothingLost(holders: string[]): Promise<void> {
  await traffic.stop();
  const streams = Object.keys(run.environment.topology.streams);
  const verdict = await judge(run.account, traffic.ledger, { streams, holders });
  expect(verdict, JSON.stringify(verdict.examples)).toMatchObject({
    lost: 0,
    doubled: 0,
    refused: 0,
    unanswered: 0,
  });
  for (const stream of streams) {
    const { config } = (await run.account.stream(stream))!;
    expect((config.sources ?? []).filter((source) => epochOfSource(source) !== undefined)).toEqual([]);
    expect(await run.account.subjectCounts(stream, '_aa-ops.>')).toEqual(new Map());
  }
}

describe('a stream of somebody else that hears what a target gains', () => {
  it('made since the plan: nothing is released, and the run is taken back', async () => {
    await start(alone);
    const { host } = run.environment;
    run.environment.host = {
      notify(notice) {
        host.notify(notice);
        if (notice.code === 'step-started' && notice.data?.['step'] === 'handover') void makeForeign();
      },
    };
    const outcome = await migrate(run.environment, { to: 'multi', options: OPTIONS });
    expect(outcome).toMatchObject({
      exitCode: 1,
      json: { result: 'rolled-back', error: { code: 'subjects-overlap' } },
    });
    expect(outcome.error?.message).toBe('NEW should hear x.>, but FOREIGN hears x.2.*');
    expect(run.notices.map(({ code }) => code)).not.toContain('window-reverted');
    expect(await owners()).toEqual({ OLD: ['x.1'], FOREIGN: ['x.2.*'] });
    await nothingLost(['OLD']);
  });

  it('made in the window, where nothing else was taken: the subjects go back at once, and it is not tried again', async () => {
    await start(alone);
    const account = madeInTheWindow();
    const outcome = await migrate({ ...run.environment, account }, { to: 'multi', options: OPTIONS });
    expect(outcome).toMatchObject({
      exitCode: 1,
      json: { result: 'rolled-back', error: { code: 'window-reverted' } },
    });
    expect(outcome.error?.message).toBe(
      'the subjects went back 1 times: NEW should hear x.>, but FOREIGN hears x.2.*',
    );
    expect(await owners()).toEqual({ OLD: ['x.1'], FOREIGN: ['x.2.*'] });
    await nothingLost(['OLD']);
  });
});

describe('one made in the window, where others have taken', () => {
  const stopHalfWay = async (): Promise<void> => {
    await start(beside);
    const account = madeInTheWindow();
    const outcome = await migrate({ ...run.environment, account }, { to: 'multi', options: OPTIONS });
    expect(outcome).toMatchObject({ exitCode: 4, json: { error: { code: 'subjects-overlap' } } });
    expect(outcome.error?.message).toBe('NEW should hear x.>, but FOREIGN hears x.2.*');
    // What had an owner has one: nobody is refused, however long it takes somebody to look.
    expect(await owners()).toEqual({ NEW: ['x.1'], OTHER: ['y.>'], FOREIGN: ['x.2.*'] });
  };

  it(
    'leaves what had an owner with one; resuming takes the rest, once it may',
    { timeout: 120_000 },
    async () => {
      await stopHalfWay();
      expect(await resume(run.environment)).toMatchObject({
        exitCode: 4,
        json: { error: { code: 'subjects-overlap' } },
      });
      await run.account.deleteStream('FOREIGN');
      expect(await resume(run.environment)).toMatchObject({ exitCode: 0, json: { result: 'done' } });
      expect(await owners()).toEqual({ NEW: ['x.>'], OTHER: ['y.>'] });
      await nothingLost(['NEW', 'OTHER']);
    },
  );

  it('does not keep a rollback from going back', { timeout: 120_000 }, async () => {
    await stopHalfWay();
    const outcome = await rollBack(run.environment);
    expect(outcome, JSON.stringify(outcome.json.shortcomings)).toMatchObject({ exitCode: 0 });
    expect(await owners()).toEqual({ OLD: ['x.1', 'y.>'], FOREIGN: ['x.2.*'] });
    await nothingLost(['OLD']);
  });
});

describe('a handover that was left half-way, with such a stream made since', () => {
  it.each([
    ['nothing taken', ['NEW', 'OTHER']],
    ['one taken', ['NEW']],
  ] as const)('%s: a rollback gives everything back', { timeout: 120_000 }, async (_what, unheard) => {
    await start(beside);
    const account = withUpdates(async ({ name, subjects }) => {
      if (!realSubjects(subjects).length || !unheard.some((one) => one === name)) return;
      throw new OpsError('nats-timeout', 'no answer'); // whether it came true nobody knows
    });
    const windowBounds = { ...DEFAULT_BOUNDS, settleMs: 300 };
    const broken = { ...run.environment, account, windowBounds };
    await expect(migrate(broken, { to: 'multi', options: OPTIONS })).rejects.toMatchObject({
      code: 'window-half-way',
    });
    await makeForeign();
    const outcome = await rollBack(run.environment);
    expect(outcome, JSON.stringify(outcome.json.shortcomings)).toMatchObject({ exitCode: 0 });
    expect(await owners()).toEqual({ OLD: ['x.1', 'y.>'], FOREIGN: ['x.2.*'] });
    // Nobody holds while nobody is at work: publishers are refused then, and what they were told is so.
    await traffic.stop();
    const verdict = await judge(run.account, traffic.ledger, {
      streams: ['OLD', 'NEW', 'OTHER'],
      holders: ['OLD'],
    });
    expect(verdict, JSON.stringify(verdict.examples)).toMatchObject({ lost: 0, doubled: 0 });
  });
});
