import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { loadTopology, makePlan, pending, readLive, readMode, standInOf, trialOf } from '@aa-ops/topology';
import { judge, judgeWorked } from '../../../cli/src/traffic/index.ts';
import type { CliResult } from '../../support/cli.ts';
import { type LiveAccount, startLiveAccount } from '../../support/liveAccount.ts';
import { seededRandom, testSeed } from '../../support/random.ts';
import { tracesOf } from '../../support/traces.ts';
import { untilAcked } from '../../support/untilAcked.ts';

// Killed behind every single thing that a run changes on a server: what a journal entry announces, and what stands between two of them.
const STREAM = 'ATHLETE_ALLY_EVENTS';
const HRV = 'athlete-ally.hrv.raw-received';
const subjects = [HRV, 'sleep.scored', 'vendor.oura.webhook'];
const cwd = mkdtempSync(join(tmpdir(), 'aa-changes-'));

/** A command, and the mode that it leads to. */
interface Way {
  file: string;
  args: string[];
  mode: string;
}

interface Scene {
  title: string;
  /** One after the other, and again from the first. Each can be typed once more when it is over. */
  ways: [Way, Way];
  durable: string;
  /** Only what is worked of this is dropped by its streams. */
  dropped?: string[];
  servers?: 3;
  /** Of the changes of such a run one in so many is met in `npm test`. */
  oneIn: number;
}

const supported = (name: string): string => fileURLToPath(new URL(`../../support/${name}`, import.meta.url));
const SEED = supported('seed-topology.yaml');

/** The same topology with something else in it, in a file of its own. */
function variant(file: string, name: string, from: string, to: string): string {
  const text = readFileSync(file, 'utf8');
  if (!text.includes(from)) throw new Error(`${file} has no ${from}`);
  const path = join(cwd, `${name}-${basename(file)}`);
  writeFileSync(path, text.replaceAll(from, to));
  return path;
}

const thereAndBack = (file: string): [Way, Way] => [
  { file, args: ['migrate', '--to', 'multi'], mode: 'multi' },
  { file, args: ['rollback'], mode: 'single' },
];
const applied = (first: string, second: string, ...options: string[]): [Way, Way] => [
  { file: second, args: ['apply', ...options], mode: 'single' },
  { file: first, args: ['apply', ...options], mode: 'single' },
];
const replaced = (first: string, second: string): [Way, Way] =>
  applied(first, second, '--replace', '--allow-destructive');

const INTEREST = supported('interest-topology.yaml');
const QUEUE = supported('queue-topology.yaml');
const FIELDS = `${STREAM}: { storage: file, retention: `;
const allKept = { durable: 'normalize-hrv-durable' };
const worked = { durable: 'hrv', dropped: ['athlete-ally.>'] };

const memory = (file: string): string =>
  variant(file, 'memory', `${STREAM}: { storage: file`, `${STREAM}: { storage: memory`);
const filters = (file: string): string =>
  variant(file, 'filters', 'EVENTS: [athlete-ally.>', "EVENTS: [athlete-ally.*, 'athlete-ally.*.>'");
const replicated = (file: string): string =>
  variant(file, 'replicated', 'initialMode: single }', 'initialMode: single, replicas: 3 }');
const workQueue = (file: string): string => variant(file, 'queue', `${FIELDS}interest`, `${FIELDS}workqueue`);

const SCENES: Scene[] = [
  { title: 'a migration and its way back', ways: thereAndBack(SEED), ...allKept, oneIn: 19 },
  {
    title: 'the same on three servers',
    ways: thereAndBack(replicated(SEED)),
    ...allKept,
    servers: 3,
    oneIn: 50,
  },
  { title: 'the same with streams of interest', ways: thereAndBack(INTEREST), ...worked, oneIn: 40 },
  { title: 'the same with work queues', ways: thereAndBack(QUEUE), ...worked, oneIn: 40 },
  { title: 'a stream that is made anew', ways: replaced(SEED, memory(SEED)), ...allKept, oneIn: 37 },
  {
    title: 'interest to a work queue and back',
    ways: replaced(INTEREST, workQueue(INTEREST)),
    ...worked,
    oneIn: 53,
  },
  {
    title: 'interest made anew on three servers',
    ways: replaced(replicated(INTEREST), memory(replicated(INTEREST))),
    ...worked,
    servers: 3,
    oneIn: 60,
  },
  {
    title: 'a stream that hears by other filters',
    ways: applied(SEED, filters(SEED)),
    ...allKept,
    oneIn: 16,
  },
  {
    title: 'the same of a stream of interest',
    ways: applied(INTEREST, filters(INTEREST)),
    ...worked,
    oneIn: 16,
  },
  { title: 'the same of a work queue', ways: applied(QUEUE, filters(QUEUE)), ...worked, oneIn: 16 },
];

const RESUME = ['migrate', '--resume'];
/** Behind it somebody resumes, turns back, or types the same again. */
const ENDINGS = [RESUME, ['rollback'], undefined];

/** Such a run makes about so many. */
const MOST_CHANGES = 120;

/** Changes that one account is taken through: what is copied each time grows meanwhile. */
const LAP = 15;

describe.each(SCENES)('$title', ({ ways, durable, dropped, servers, oneIn }) => {
  /** What a run has left behind that is over. */
  async function leftBy({ account, topology }: LiveAccount): Promise<string[]> {
    const left = await tracesOf(account, topology);
    for (const name of [standInOf(STREAM), trialOf(STREAM)])
      if (await account.stream(name)) left.push(`${name} stands`);
    return left;
  }

  /** What keeps the way from being gone to its end. */
  async function missing({ account }: LiveAccount, { file, mode }: Way): Promise<string[]> {
    const topology = await loadTopology(file, 'test');
    const { live } = readMode(topology, await readLive(account, topology));
    const changes = pending(await makePlan(account, topology));
    return [
      ...(live === mode ? [] : [`the mode is ${live}`]),
      ...changes.map(({ action, name }) => `to ${action}: ${name}`),
    ];
  }

  /** Ends what a run that was killed has left, and goes the way to its end; answers how. */
  async function end(live: LiveAccount, way: Way, ending: string[], what: string): Promise<string> {
    let how = what;
    const type = async (args: string[]): Promise<CliResult> => {
      const ended = await live.run(way.file, args);
      how += `, ${args.join(' ')}: ${ended.code}`;
      return ended;
    };
    let ended = await type(ending);
    // Half made anew, or heard by other filters in part, there is no way back; and a migration is not gone on with by beginning it.
    if (ended.code === 3) ended = await type(RESUME);
    expect(await leftBy(live), `${how}: ${ended.stdout}${ended.stderr}`).toEqual([]);
    if (ended.code === 0 && (await missing(live, way)).length > 0) ended = await type(way.args);
    expect(ended.code, `${how}: ${ended.stdout}${ended.stderr}`).toBe(0);
    return how;
  }

  async function expectNothingLost({
    account,
    topology,
    traffic,
    worker,
    record,
  }: LiveAccount): Promise<void> {
    await traffic.stop();
    await worker.finish();
    const streams = Object.keys(topology.streams);
    const holders = Object.keys(topology.modes['single']!.subjects);
    const verdict = await judge(account, traffic.ledger, {
      streams,
      holders,
      ...(dropped ? { dropped } : {}),
    });
    const clean = { lost: 0, doubled: 0, refused: 0, unanswered: 0, outOfOrderWaiting: 0, strangers: 0 };
    expect(verdict, JSON.stringify(verdict.examples)).toMatchObject({ ...clean, acked: verdict.sent });
    expect(judgeWorked(traffic.ledger, record, [HRV])).toMatchObject({ skipped: 0, examples: [] });
  }

  it('ends right wherever it is killed, and whoever ends it as well', { timeout: 7_200_000 }, async () => {
    const { seed, between, chance } = seededRandom(testSeed());
    const step = process.env['AA_TEST_LONG'] ? 1 : oneIn;
    const met = [0, 0];
    let turn = between(0, ENDINGS.length - 1);

    /** False where none of the ways has so many. */
    async function killBehindEach(live: LiveAccount, change: number): Promise<boolean> {
      let died = false;
      for (const [index, way] of ways.entries()) {
        const killed = await live.run(way.file, way.args, change, 'change');
        let what = `AA_TEST_SEED=${seed}: ${way.args.join(' ')} killed behind change ${change}`;
        if (killed.signal === 'SIGKILL') {
          met[index]! += 1;
          turn += 1;
          died = true;
          const ending = ENDINGS[turn % ENDINGS.length] ?? way.args;
          if (chance(0.3)) {
            const next = between(1, MOST_CHANGES);
            const second = await live.run(way.file, ending, next, 'change');
            what += `, ${ending.join(' ')} ${second.signal === 'SIGKILL' ? `killed behind ${next}` : second.code}`;
          }
          what = await end(live, way, ending, what);
        } else if (killed.code !== 0) throw new Error(`${what}: ${killed.stdout}${killed.stderr}`);
        expect([...(await leftBy(live)), ...(await missing(live, way))], what).toEqual([]);
        live.worker.follow(way.mode);
      }
      return died;
    }

    let change = between(1, step);
    for (let isOver = false; !isOver;) {
      const first = change;
      const { file } = ways[1];
      const live = await startLiveAccount({ file, subjects, durable, cwd, servers, ratePerSecond: 100 });
      try {
        await untilAcked(live.traffic, 100);
        for (; !isOver && change < first + LAP * step; change += step)
          isOver = !(await killBehindEach(live, change));
        await expectNothingLost(live);
      } finally {
        await live.stop();
      }
    }
    expect(Math.min(...met)).toBeGreaterThan(0);
    console.log(`killed behind ${met.join(' and ')} changes`);
  });
});

afterAll(() => rmSync(cwd, { recursive: true, force: true }));
