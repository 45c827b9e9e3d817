import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  epochOfSource,
  type JetStreamWriter,
  listKeys,
  openWriter,
  readKey,
  STATE_BUCKET,
  type StreamConfig,
} from '@aa-ops/topology';
import { migrate, resume } from '../../../cli/src/runbook/migrate.ts';
import { rollBack } from '../../../cli/src/runbook/rollBack.ts';
import { judge, startTraffic, type Traffic } from '../../../cli/src/traffic/index.ts';
import { DEATHS, type Death, guardiansOf, STOPS } from '../../support/guardians.ts';
import { startLink } from '../../support/faults/link.ts';
import { startSleeper } from '../../support/parent.ts';
import { OPTIONS, startRun, type TestRun } from '../../support/runs.ts';
import { seedTopology } from '../../support/topologies.ts';

const OPERATOR = fileURLToPath(new URL('../../support/parents/operator.ts', import.meta.url));
/** Without it, the two deaths of each kind that leave most undecided. */
const LONG = process.env['AA_TEST_LONG'];
const SUBJECTS = ['sleep.scored', 'vendor.oura.hook'];

let run: TestRun;
beforeEach(async () => {
  run = await startRun(seedTopology);
});
afterEach(() => run.stop());

/** The account as the run sees it; `before` is called ahead of every change of a stream. */
const watched = (
  account: JetStreamWriter,
  before: (config: StreamConfig) => Promise<void>,
): JetStreamWriter =>
  Object.create(account, {
    updateStream: {
      value: async (config: StreamConfig) => {
        await before(config);
        return account.updateStream(config);
      },
    },
  }) as JetStreamWriter;

/** Runs a migration that dies at a point of its window; answers its guardians. */
async function dieAt(death: Death, alone: boolean): Promise<number[]> {
  const child = spawn(
    process.execPath,
    [
      '--import',
      'tsx',
      OPERATOR,
      run.server.url,
      run.environment.runsDir,
      death,
      ...(alone ? ['alone'] : []),
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let told = '';
  child.stdout.on('data', (chunk: Buffer) => (told += chunk.toString()));
  const [, signal] = (await once(child, 'close')) as [unknown, NodeJS.Signals | null];
  expect(signal, told).toBe('SIGKILL');
  const { guardians } = JSON.parse(told) as { guardians: number[] };
  expect(guardians).toHaveLength(1);
  return guardians;
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

/** Measures for how long nobody owned one of the subjects, on a connection of its own. */
async function watchOwners(): Promise<{ longestMs(): number; end(): Promise<void> }> {
  const account = await openWriter(run.settings);
  const since: Record<string, number> = {};
  let longest = 0;
  let ended = false;
  const watching = (async () => {
    while (!ended) {
      await delay(1);
      for (const subject of SUBJECTS) {
        const { streams } = await account.api<{ streams: string[] | null }>('STREAM.NAMES', { subject });
        if (streams?.length) delete since[subject];
        else longest = Math.max(longest, performance.now() - (since[subject] ??= performance.now()));
      }
    }
    await account.close();
  })();
  return {
    longestMs: () => longest,
    async end() {
      ended = true;
      await watching;
    },
  };
}

const startPublishers = (): Promise<Traffic> =>
  startTraffic(run.settings, [
    { name: 'ids', kind: 'pipelined', msgId: true, ratePerSecond: 60, subjects: SUBJECTS, timeoutMs: 5_000 },
    {
      name: 'bare',
      kind: 'pipelined',
      msgId: false,
      ratePerSecond: 60,
      subjects: SUBJECTS,
      timeoutMs: 5_000,
    },
  ]);

/** One death after the other, each followed by `--resume` and a rollback. */
async function throughDeaths(deaths: readonly Death[], alone: boolean): Promise<void> {
  for (const death of deaths) {
    const owners = await watchOwners();
    const guardians = await dieAt(death, alone);
    while (guardians.some(isAlive)) await delay(5);
    if (!alone) await owners.end(); // what it took without anybody's help
    expect(await resume(run.environment), death).toMatchObject({
      exitCode: 0,
      json: { result: 'done', to: 'multi' },
    });
    if (alone) await owners.end();
    console.log(`${death}${alone ? ', guardian too' : ''}: no owner for ${owners.longestMs().toFixed(0)} ms`);
    expect(await rollBack(run.environment), death).toMatchObject({
      exitCode: 0,
      json: { result: 'done', to: 'single' },
    });
  }
}

const verdictOf = (traffic: Traffic) =>
  judge(run.account, traffic.ledger, {
    streams: Object.keys(seedTopology.streams),
    holders: ['ATHLETE_ALLY_EVENTS'],
  });

async function expectNoTrace(): Promise<void> {
  for (const stream of Object.keys(seedTopology.streams)) {
    const { config } = (await run.account.stream(stream))!;
    expect((config.sources ?? []).filter((source) => epochOfSource(source) !== undefined)).toEqual([]);
    expect(await run.account.subjectCounts(stream, '_aa-ops.>')).toEqual(new Map());
  }
}

describe.skipIf(process.platform !== 'linux')('an operator that is killed in the window', () => {
  it('its guardian ends the window; every held publish is answered', { timeout: 120_000 }, async () => {
    const traffic = await startPublishers();
    await throughDeaths(LONG ? DEATHS : ['between-takes', 'letting-go'], false);
    await traffic.stop();
    const verdict = await verdictOf(traffic);
    expect(verdict, JSON.stringify(verdict.examples)).toMatchObject({
      lost: 0,
      doubled: 0,
      refused: 0,
      unanswered: 0,
      strangers: 0,
    });
    await expectNoTrace();
  });

  it('with its guardian: --resume ends it, nothing acked is lost', { timeout: 120_000 }, async () => {
    const traffic = await startPublishers();
    await throughDeaths(LONG ? DEATHS : ['after-release'], true);
    await traffic.stop();
    const verdict = await verdictOf(traffic);
    expect(verdict, JSON.stringify(verdict.examples)).toMatchObject({ lost: 0, doubled: 0, strangers: 0 });
    await expectNoTrace();
  });
});

/** How many windows a guardian has ended so far. */
async function endedElsewhere(): Promise<number> {
  const keys = await listKeys(run.account, STATE_BUCKET, `${seedTopology.name}.window.`);
  const claims = await Promise.all(
    keys.map((key) => readKey<{ end?: unknown }>(run.account, STATE_BUCKET, key)),
  );
  return claims.filter((claim) => claim?.value.end).length;
}

/** Runs a migration that stands still at a point of its window until its guardian has ended it, or cannot; it then goes on to its end. */
async function standStillAt(stop: Death): Promise<void> {
  const before = await endedElsewhere();
  const { process: child, told } = await startSleeper(run, stop);
  expect(told.guardians).toHaveLength(1);
  const owners = await watchOwners();
  if (stop === 'letting-go')
    await delay(6_000); // longer than a guardian waits: what is let go is its parent's alone
  else while ((await endedElsewhere()) === before) await delay(20);
  await owners.end();
  console.log(`${stop}, stopped: no owner for ${owners.longestMs().toFixed(0)} ms`);
  const gone = once(child, 'exit');
  let rest = '';
  child.stdout!.on('data', (chunk: Buffer) => (rest += chunk.toString()));
  child.kill('SIGCONT');
  await gone;
  expect(rest, stop).toContain('"result":"done"');
  if (stop === 'letting-go') expect(await endedElsewhere()).toBe(before);
}

describe.skipIf(process.platform !== 'linux')('an operator that stands still in the window', () => {
  it(
    'and its guardian, whose hold breaks meanwhile: whoever goes on says so',
    { timeout: 60_000 },
    async () => {
      const link = await startLink(run.server.port);
      const { process: child } = await startSleeper(
        { ...run, server: { ...run.server, url: link.url } },
        'after-release',
      );
      link.breakAll();
      while ((await endedElsewhere()) === 0) await delay(20);
      child.kill('SIGKILL');
      await once(child, 'exit');
      await link.stop();
      expect(await resume(run.environment)).toMatchObject({ exitCode: 0, json: { result: 'done' } });
      const told = run.notices.filter(({ code }) => code === 'hold-broke');
      expect(told).toMatchObject([{ level: 'warn', data: { breaks: 1, dropped: 0 } }]);
    },
  );

  it('its guardian ends the window; the two never both let go', { timeout: 180_000 }, async () => {
    const traffic = await startPublishers();
    for (const stop of LONG ? STOPS : (['before-release', 'before-take', 'letting-go'] as const)) {
      await standStillAt(stop);
      expect(await rollBack(run.environment), stop).toMatchObject({ exitCode: 0, json: { to: 'single' } });
    }
    await traffic.stop();
    const verdict = await verdictOf(traffic);
    expect(verdict, JSON.stringify(verdict.examples)).toMatchObject({ lost: 0, doubled: 0, strangers: 0 });
    await expectNoTrace();
  });
});

describe.skipIf(process.platform !== 'linux')('a guardian that dies while its parent lives', () => {
  it('takes nothing with it: the handover ends as if nothing had been', async () => {
    let killed = 0;
    run.environment.account = watched(run.account, async ({ name, subjects }) => {
      const isRelease = name === 'ATHLETE_ALLY_EVENTS' && subjects?.some((s) => s.includes('epoch'));
      if (!isRelease) return;
      for (const pid of guardiansOf(process.pid)) {
        process.kill(pid, 'SIGKILL');
        killed += 1;
      }
      while (guardiansOf(process.pid).length > 0) await delay(5);
    });
    const outcome = await migrate(run.environment, { to: 'multi', options: OPTIONS });
    expect(killed).toBe(1);
    expect(outcome, JSON.stringify(outcome.json.error)).toMatchObject({
      exitCode: 0,
      json: { result: 'done' },
    });
    expect(run.notices.map(({ code }) => code)).toContain('guardian-gone');
  });
});
