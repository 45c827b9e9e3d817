import { isClean } from '@aa-ops/topology';
import type { RunOutcome } from '../runbook/outcome.ts';
import type { LiveFindings, Refusal } from './liveFindings.ts';
import type { Rehearsed } from './rehearse.ts';

/** The document of `rehearse`. */
export interface RehearsalReport {
  schemaVersion: 1;
  command: 'rehearse';
  from: string | null;
  to: string;
  /** Which way the real one takes on the live server; null where no plan could be made. */
  ways: string | null;
  /** `ready`: nothing stands in the way · `refused`: the real one would be · `unclean`: it went, but not as it should. */
  result: 'ready' | 'refused' | 'unclean' | 'unchanged';
  refusals: Refusal[];
  warnings: Refusal[];
  faults: string[];
  /** Null where it was not walked. */
  rehearsal: Rehearsal | null;
}

export interface Rehearsal {
  server: Rehearsed['server'];
  filled: Rehearsed['filled'];
  durables: string[];
  ratePerSecond: number;
  rounds: number;
  /** ms in which nobody owned the subjects, each window of each round; and the longest, which is what to expect. */
  windowMs: { there: number[]; back: number[]; expected: number };
  /** Publishes that were held, most of one window. */
  held: number;
  /** ms, the longest publish of all. */
  longestWaitMs: number;
  catchUp: {
    messages: number;
    ms: number;
    perSecond: number;
    liveMessages: number;
    expectedMs: number | null;
  };
  migrationMs: number;
  rollbackMs: number;
  ledger: {
    sent: number;
    acked: number;
    lost: number;
    doubled: number;
    refused: number;
    outOfOrder: { waiting: number; pipelined: number };
  };
}

/** Messages below which a rate of copying tells nothing. */
const TELLING = 1_000;

export function rehearsalReport(
  to: string,
  live: LiveFindings,
  rehearsed: Rehearsed | undefined,
  ratePerSecond: number,
): RehearsalReport {
  const { refusals, warnings } = live;
  const faults = rehearsed ? faultsOf(rehearsed) : [];
  const nothing = live.found !== undefined && live.found.plan.groups.length === 0;
  return {
    schemaVersion: 1,
    command: 'rehearse',
    from: live.found?.from ?? null,
    to,
    ways: live.found?.plan.ways ?? null,
    result: refusals.length > 0 ? 'refused' : faults.length > 0 ? 'unclean' : nothing ? 'unchanged' : 'ready',
    refusals,
    warnings,
    faults,
    rehearsal: rehearsed ? figures(rehearsed, live, ratePerSecond) : null,
  };
}

const windows = ({ json }: RunOutcome): number[] => [
  ...new Set(json.handovers.map(({ windowMs }) => windowMs)),
];
const median = (values: number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

function figures(rehearsed: Rehearsed, { found }: LiveFindings, ratePerSecond: number): Rehearsal {
  const { rounds, verdict, server, filled, durables } = rehearsed;
  const there = rounds.flatMap((round) => windows(round.there));
  const back = rounds.flatMap((round) => (round.backMs > 0 ? windows(round.back) : []));
  const { lost, doubled, refused, unanswered, outOfOrderWaiting, outOfOrderPipelined, sent, acked } = verdict;
  return {
    server,
    filled,
    durables,
    ratePerSecond,
    rounds: rounds.length,
    windowMs: { there, back, expected: Math.max(0, ...there, ...back) },
    held: Math.max(
      0,
      ...rounds.flatMap(({ there: a, back: b }) =>
        [a, b].flatMap(({ json }) => json.handovers.map(({ held }) => held)),
      ),
    ),
    longestWaitMs: Math.round(verdict.longestWaitMs),
    catchUp: catchUp(rehearsed, found?.plan.size.messages ?? 0),
    migrationMs: median(rounds.map(({ thereMs }) => thereMs)),
    rollbackMs: median(rounds.filter(({ backMs }) => backMs > 0).map(({ backMs }) => backMs)),
    ledger: {
      sent,
      acked,
      lost,
      doubled,
      refused: refused + unanswered,
      outOfOrder: { waiting: outOfOrderWaiting, pipelined: outOfOrderPipelined },
    },
  };
}

/** The first round's: later ones bring only what came since. */
function catchUp({ rounds }: Rehearsed, liveMessages: number): Rehearsal['catchUp'] {
  const json = rounds[0]?.there.json;
  const messages = json?.handovers.reduce((sum, { copied }) => sum + copied, 0) ?? 0;
  const ms = (json?.steps ?? [])
    .filter(({ id }) => id === 'expand' || id === 'consumers')
    .reduce((sum, step) => sum + step.ms, 0);
  const perSecond = ms === 0 ? 0 : Math.round((messages / ms) * 1_000);
  const expectedMs = messages < TELLING ? null : Math.round((liveMessages / messages) * ms);
  return { messages, ms, perSecond, liveMessages, expectedMs };
}

function faultsOf({ rounds, verdict }: Rehearsed): string[] {
  const zero: [string, number][] = [
    ['acked and lost', verdict.lost],
    ['doubled', verdict.doubled],
    ['refused or unanswered', verdict.refused + verdict.unanswered],
    ['out of order for publishers that wait for their acks', verdict.outOfOrderWaiting],
  ];
  const runs = rounds.flatMap(({ there, back, backMs }) => (backMs > 0 ? [there, back] : [there]));
  return [
    ...zero.filter(([, count]) => count > 0).map(([what, count]) => `${count} ${what}`),
    ...runs
      .filter(({ exitCode }) => exitCode !== 0)
      .map(
        ({ json, error }) =>
          `${json.command} ${json.from} -> ${json.to} ended ${json.result}: ${error?.message ?? json.shortcomings.join('; ')}`,
      ),
    ...runs.flatMap(({ json }) =>
      json.handovers.flatMap(({ from, to, proof }) =>
        proof && !isClean(proof) ? [`${from} -> ${to}: the copy is not equal`] : [],
      ),
    ),
  ];
}
