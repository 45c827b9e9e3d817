import { expect, it } from 'vitest';
import { renderJournal } from '../../../cli/src/render/history.ts';
import type { RunDocument } from '../../../cli/src/saga/runDocument.ts';

const run = {
  id: 'r1',
  command: 'migrate',
  from: 'single',
  to: 'multi',
  steps: [],
} as unknown as RunDocument;
const at = '2026-01-01T00:00:00.000Z';

it('shows every effect with its data, of long ones the start', () => {
  const lines = renderJournal({ ...run, status: 'done', operator: 'me', startedAt: at, endedAt: at }, [
    { n: 1, at, effect: 'open', phase: 'started', data: null },
    { n: 2, at, effect: 'window', phase: 'done', data: { windowMs: 18.2, name: 'x\u001b[2J' } },
    { n: 3, at, effect: 'plan', phase: 'done', data: { text: 'y'.repeat(600) } },
  ]).split('\n');
  expect(lines.slice(1)).toEqual([
    `   1  ${at}  started open`,
    `   2  ${at}  done    window`,
    '      {"windowMs":18.2,"name":"x\\u001b[2J"}',
    `   3  ${at}  done    plan`,
    expect.stringMatching(/^ {6}\{"text":"y+… \(611 characters, all with --output json\)$/),
  ]);
});
