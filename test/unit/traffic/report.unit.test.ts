import { describe, expect, test } from 'vitest';
import { type DemoFindings, makeReport } from '../../../cli/src/demo/report.ts';
import { renderReport } from '../../../cli/src/demo/renderReport.ts';
import { plainPaint } from '../../../cli/src/render/paint.ts';

const clean: DemoFindings = {
  ratePerSecond: 300,
  begun: 0,
  verdict: {
    sent: 10,
    acked: 10,
    refused: 0,
    unanswered: 0,
    outstanding: 0,
    lost: 0,
    doubled: 0,
    outOfOrderWaiting: 0,
    outOfOrderPipelined: 0,
    storedUnacked: 0,
    misplaced: 0,
    strangers: 0,
    latencyMs: { p50: 1, p99: 2, max: 3 },
    longestWaitMs: 3,
    errors: {},
    publishers: [],
    examples: { lost: [], doubled: [], outOfOrder: [] },
  },
  rows: { expected: 5, present: 5, missing: 0, wrong: 0, unexpected: 0, examples: [] },
  letters: { total: 3, byReason: { schema_invalid: 3 }, brokenUnaccounted: 0, has: () => false },
  brokenOnPurpose: 3,
  runs: [
    { run: 'r', command: 'rollback', from: 'multi', to: 'single', result: 'done', handovers: [], ms: 12 },
  ],
  verified: [],
  problems: [],
};

const publisher = (name: string, doubled: number): DemoFindings['verdict']['publishers'][number] => ({
  name,
  kind: 'waiting',
  sent: 5,
  acked: 5,
  refused: 0,
  unanswered: 0,
  outstanding: 0,
  lost: 0,
  doubled,
  outOfOrder: 0,
  storedUnacked: 0,
  misplaced: 0,
});

const resultOf = (findings: Partial<DemoFindings>) => makeReport({ ...clean, ...findings }, new Set(['hrv']));
const verdict = (part: Partial<DemoFindings['verdict']>) =>
  resultOf({ verdict: { ...clean.verdict, ...part } });

describe('the demo’s ledger', () => {
  test('is clean where nothing is wrong; pipelined publishers may be reordered', () => {
    expect(verdict({ outOfOrderPipelined: 4 })).toMatchObject({
      result: 'clean',
      faults: [],
      rollbackMs: 12,
    });
  });

  test.each<[string, ReturnType<typeof resultOf>]>([
    ['lost', verdict({ lost: 1 })],
    ['doubled', verdict({ doubled: 1, publishers: [publisher('others', 1)] })],
    ['out of order', verdict({ outOfOrderWaiting: 1 })],
    ['refused', verdict({ refused: 1 })],
    ['refused', verdict({ unanswered: 1 })],
    ['refused', verdict({ outstanding: 1 })],
    ['nobody sent', verdict({ strangers: 1 })],
    ['unaccounted', resultOf({ rows: { ...clean.rows, missing: 1 } })],
    ['unaccounted', resultOf({ rows: { ...clean.rows, wrong: 1 } })],
    ['unaccounted', resultOf({ letters: { ...clean.letters, brokenUnaccounted: 1 } })],
    ['no event accounts for', resultOf({ rows: { ...clean.rows, unexpected: 1 } })],
    [
      'rollback multi -> single ended partial: why',
      resultOf({ runs: [{ ...clean.runs[0]!, result: 'partial', problem: 'why' }] }),
    ],
    [
      'multi: pods: crash',
      resultOf({
        verified: [
          { mode: 'multi', green: 0, checks: [{ id: 'p', title: 'pods', level: 'red', evidence: 'crash' }] },
        ],
      }),
    ],
    ['stuck', resultOf({ problems: ['stuck'] })],
  ])('is not clean with anything %s', (fault, report) => {
    expect(report.result).toBe('unclean');
    expect(report.faults).toEqual([expect.stringContaining(fault)]);
    expect(renderReport(report, plainPaint)).toContain(`✗ ${report.faults[0]}`);
  });

  test('lets the upsert absorb doubled HRV events, and says how many', () => {
    const report = verdict({ doubled: 2, publishers: [publisher('hrv', 2)] });
    expect(report).toMatchObject({ result: 'clean', doubled: 2, doubledAbsorbed: 2 });
    expect(renderReport(report, plainPaint)).toMatch(/Doubled: +2, 2 of them made one row by the upsert/);
  });
});
