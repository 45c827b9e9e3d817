import type { RunJson } from '../runbook/runDocumentJson.ts';
import type { CheckResult } from '../checks/check.ts';
import type { Verdict } from '../traffic/index.ts';
import type { DeadLetters } from './deadLetters.ts';
import { HRV_SUBJECT } from './publishers.ts';
import type { RowVerdict } from './rows.ts';

/** One migration or way back of the demo. */
export interface DemoRun extends Pick<RunJson, 'run' | 'command' | 'from' | 'to' | 'result' | 'handovers'> {
  ms: number;
  /** Why it did not end as it should. */
  problem?: string;
}

/** The demo's document. */
export interface DemoReport {
  schemaVersion: 1;
  result: 'clean' | 'unclean';
  /** Everything that keeps it from being clean. */
  faults: string[];
  /** The RMSSD values are real; users, days and instants are not. */
  data: string;
  ratePerSecond: number;
  seconds: number;
  sent: number;
  acked: number;
  /** Refused or not answered in time. */
  refused: number;
  lost: number;
  /** Stored more often than once. */
  doubled: number;
  /** Of these, HRV events: the upsert of normalize makes one row of them. */
  doubledAbsorbed: number;
  outOfOrder: { waiting: number; pipelined: number };
  /** Events that were acked and are neither a row (or older than one) nor a dead letter. */
  unaccounted: number;
  rows: RowVerdict;
  deadLetters: { total: number; byReason: Record<string, number>; brokenOnPurpose: number };
  latencyMs: Verdict['latencyMs'];
  longestWaitMs: number;
  errors: Record<string, number>;
  publishers: Verdict['publishers'];
  runs: DemoRun[];
  rollbackMs: number | null;
  verified: { mode: string; green: number; checks: CheckResult[] }[];
  examples: Verdict['examples'];
}

export interface DemoFindings {
  ratePerSecond: number;
  begun: number;
  verdict: Verdict;
  rows: RowVerdict;
  letters: DeadLetters;
  brokenOnPurpose: number;
  runs: DemoRun[];
  verified: DemoReport['verified'];
  /** What went wrong outside the ledger. */
  problems: string[];
}

/** Puts the ledger together, and says what is wrong with it. */
export function makeReport(findings: DemoFindings, hrvPublishers: ReadonlySet<string>): DemoReport {
  const { verdict, rows, letters, runs, verified } = findings;
  const absorbed = verdict.publishers
    .filter(({ name }) => hrvPublishers.has(name))
    .reduce((sum, { doubled }) => sum + doubled, 0);
  const refused = verdict.refused + verdict.unanswered + verdict.outstanding;
  const unaccounted = rows.missing + rows.wrong + letters.brokenUnaccounted;
  const way = runs.find(({ command }) => command === 'rollback');
  const report: DemoReport = {
    schemaVersion: 1,
    result: 'clean',
    faults: [],
    data: 'RMSSD values are real (examples/README.md); users, days and instants are synthetic',
    ratePerSecond: findings.ratePerSecond,
    seconds: Math.round((performance.now() - findings.begun) / 100) / 10,
    sent: verdict.sent,
    acked: verdict.acked,
    refused,
    lost: verdict.lost,
    doubled: verdict.doubled,
    doubledAbsorbed: absorbed,
    outOfOrder: { waiting: verdict.outOfOrderWaiting, pipelined: verdict.outOfOrderPipelined },
    unaccounted,
    rows,
    deadLetters: {
      total: letters.total,
      byReason: letters.byReason,
      brokenOnPurpose: findings.brokenOnPurpose,
    },
    latencyMs: verdict.latencyMs,
    longestWaitMs: verdict.longestWaitMs,
    errors: verdict.errors,
    publishers: verdict.publishers,
    runs,
    rollbackMs: way?.ms ?? null,
    verified,
    examples: verdict.examples,
  };
  report.faults = [...faultsOf(report), ...findings.problems];
  if (verdict.strangers > 0) report.faults.push(`${verdict.strangers} messages that nobody sent so`);
  if (report.faults.length > 0) report.result = 'unclean';
  return report;
}

function faultsOf(report: DemoReport): string[] {
  const zero: [string, number][] = [
    ['acked and lost', report.lost],
    [`doubled (beyond the ${HRV_SUBJECT} that the upsert absorbs)`, report.doubled - report.doubledAbsorbed],
    ['out of order for publishers that wait for their acks', report.outOfOrder.waiting],
    ['refused', report.refused],
    ['unaccounted', report.unaccounted],
    ['rows that no event accounts for', report.rows.unexpected],
  ];
  const faults = zero.filter(([, count]) => count !== 0).map(([what, count]) => `${count} ${what}`);
  for (const { command, from, to, result, problem } of report.runs) {
    if (result !== 'done' || problem)
      faults.push(`${command} ${from} -> ${to} ended ${result}${problem ? `: ${problem}` : ''}`);
  }
  for (const { mode, checks } of report.verified) {
    for (const { title, evidence, level } of checks)
      if (level === 'red') faults.push(`${mode}: ${title}: ${evidence}`);
  }
  return faults;
}
