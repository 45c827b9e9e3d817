import { describe, expect, test } from 'vitest';
import {
  LOG_LINES,
  tellBinding,
  tellCandidates,
  tellDeadLetterPrefix,
  tellMode,
  toPodLog,
} from '../../../cli/src/checks/podLogs.ts';
import type { Pod } from '../../../cli/src/platform/platform.ts';
import { DEFAULT_WORKLOADS } from '../../../cli/src/platform/local/index.ts';

const [workload] = DEFAULT_WORKLOADS as [(typeof DEFAULT_WORKLOADS)[0]];
const ready: Pod = {
  name: 'normalize-0',
  workload: workload.name,
  ready: true,
  restarts: 0,
  startedAt: '2025-10-02T00:00:00Z',
  crashLoop: false,
};
const logOf = (lines: string[], state: Pod | undefined = ready) =>
  toPodLog({ pod: 'normalize-0', workload, lines }, state);

/** As the runbook prints them. */
const MODE = '[event-bus] Stream mode: multi (EVENT_STREAM_MODE="multi")';
const CANDIDATES = '[normalize-service] Stream candidates: AA_CORE_HOT, ATHLETE_ALLY_EVENTS';
const FOUND = '[normalize] Found existing HRV consumer on AA_CORE_HOT: normalize-hrv-durable';
const BOUND =
  '[normalize] HRV durable pull consumer bound: normalize-hrv-durable, subject: athlete-ally.hrv.raw-received';
const PREFIX = '[normalize-hrv] DLQ subject prefix: dlq.normalize.hrv.raw-received';
const NEXT = '[normalize] Consumer normalize-hrv-durable not found on AA_CORE_HOT. Trying next candidate.';
const FELL_BACK = '[normalize] Found existing HRV consumer on ATHLETE_ALLY_EVENTS: normalize-hrv-durable';
const NONE = 'Failed to find HRV consumer on any available stream';
const LET_GO = '[normalize] Consumer normalize-hrv-durable on AA_CORE_HOT let go: gone. Binding again.';

test("the runbook's lines are understood", () => {
  const { lines } = logOf([MODE, CANDIDATES, FOUND, BOUND, PREFIX]);
  expect(tellMode(lines)).toBe('multi');
  expect(tellCandidates(lines)).toEqual(['AA_CORE_HOT', 'ATHLETE_ALLY_EVENTS']);
  expect(tellDeadLetterPrefix(lines)).toBe('dlq.normalize.hrv.raw-received');
  expect(tellBinding(lines)).toEqual({
    stream: 'AA_CORE_HOT',
    durable: 'normalize-hrv-durable',
    subject: 'athlete-ally.hrv.raw-received',
    fallbacks: 0,
    failures: 0,
  });
});

test('lines in JSON tell the same', () => {
  const asJson = [MODE, FOUND].map((message) => JSON.stringify({ level: 'info', message, service: 'x' }));
  expect(logOf(asJson).lines).toEqual([MODE, FOUND]);
});

test.each([
  ['nothing', [], undefined, 0, 0],
  ['a fallback', [NEXT, FELL_BACK], 'ATHLETE_ALLY_EVENTS', 1, 0],
  ['none, then found', [NEXT, NONE, FOUND, BOUND], 'AA_CORE_HOT', 1, 1],
  ['found, then lost', [FOUND, BOUND, LET_GO], undefined, 0, 0],
  ['lost, then none', [FOUND, LET_GO, NEXT, NONE], undefined, 1, 1],
  ['moved', [FOUND, BOUND, LET_GO, NEXT, FELL_BACK], 'ATHLETE_ALLY_EVENTS', 1, 0],
])('the binding after %s', (_what, lines, stream, fallbacks, failures) => {
  const story = tellBinding(lines);
  expect({ ...story, stream: story.stream }).toMatchObject({ stream, fallbacks, failures });
});

describe('errors', () => {
  test('are recognised by words in plain lines and by their level in JSON', () => {
    const { errors } = logOf([
      MODE,
      'TypeError: x is not a function',
      'query failed: timeout',
      JSON.stringify({ level: 'error', message: 'the database went away' }),
      JSON.stringify({ level: 'info', message: 'no error at all' }),
      '{ not json, error',
    ]);
    expect(errors).toEqual(['query failed: timeout', 'the database went away', '{ not json, error']);
  });
});

describe('a log whose start is missing', () => {
  test('is known by its length', () => {
    expect(logOf([MODE, ...Array.from({ length: LOG_LINES - 1 }, () => 'x')]).isCut).toBe(true);
  });
  test('is known by a pod that works and never said its mode', () => {
    expect(logOf([FOUND]).isCut).toBe(true);
    expect(logOf([MODE, FOUND]).isCut).toBe(false);
  });
  test('is not what a pod has that does not get ready', () => {
    expect(logOf(['nothing yet'], { ...ready, ready: false }).isCut).toBe(false);
    expect(toPodLog({ pod: 'gone', workload, lines: [] }, undefined).isCut).toBe(false);
  });
});
