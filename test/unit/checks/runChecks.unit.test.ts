import { OpsError } from '@aa-ops/topology';
import { expect, test } from 'vitest';
import {
  type Check,
  green,
  overall,
  red,
  runChecks,
  skipped,
  yellow,
} from '../../../cli/src/checks/index.ts';
import * as lists from '../../../cli/src/checks/lists.ts';
import { oncePerRun } from '../../../cli/src/checks/runChecks.ts';
import { renderChecks } from '../../../cli/src/render/checks.ts';
import { plainPaint } from '../../../cli/src/render/paint.ts';
import { contextOf, fakePlatform } from './fakes.ts';

const context = contextOf(fakePlatform({}));
const checkOf = (id: string, run: Check['run']): Check => ({
  id,
  title: `Title of ${id}`,
  runbook: 'Test',
  run,
});

test('results come in the order of the checks, each once, and a fault is red with what it says', async () => {
  const results = await runChecks(
    [
      checkOf('slow', () => new Promise((done) => setTimeout(() => done(green('in time')), 20))),
      checkOf('broken', () => Promise.reject(new OpsError('x', 'it went wrong', { hint: 'do that' }))),
      checkOf('bug', () => Promise.reject(new TypeError('undefined is not a function'))),
      checkOf('slow', async () => green('in time')),
    ],
    context,
  );
  expect(results).toEqual([
    { id: 'slow', title: 'Title of slow', level: 'green', evidence: 'in time' },
    { id: 'broken', title: 'Title of broken', level: 'red', evidence: 'it went wrong', next: 'do that' },
    { id: 'bug', title: 'Title of bug', level: 'red', evidence: 'undefined is not a function' },
  ]);
});

test('an interruption ends them with its reason', async () => {
  const stop = new AbortController();
  const hanging = checkOf(
    'hanging',
    () =>
      new Promise((_, failed) => {
        stop.signal.addEventListener('abort', () => failed(new Error('aborted')));
      }),
  );
  const running = runChecks([hanging], { ...context, signal: stop.signal });
  stop.abort(new Error('Ctrl-C'));
  await expect(running).rejects.toThrow('Ctrl-C');
});

test('the worst level counts', () => {
  expect(overall([])).toBe('green');
  expect(overall([green(''), yellow('', ''), green('')])).toBe('yellow');
  expect(overall([green(''), red('', ''), yellow('', '')])).toBe('red');
});

test('what checks share is read once a run, and again in the next', async () => {
  let reads = 0;
  const read = oncePerRun(async () => ++reads);
  const check = (id: string) => checkOf(id, async (one) => green(String(await read(one))));
  const list = [check('a'), check('b')];
  const evidence = async () => (await runChecks(list, context)).map((one) => one.evidence);
  expect([await evidence(), await evidence()]).toEqual([
    ['1', '1'],
    ['2', '2'],
  ]);
});

test('every check has an id of its own', () => {
  const all = new Set(Object.values(lists).flat());
  expect(new Set([...all].map(({ id }) => id)).size).toBe(all.size);
  for (const { id, title, runbook } of all) {
    expect(id).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
    expect([title, runbook].every((text) => text !== '')).toBe(true);
  }
});

test('people read level, title and evidence, and what to do below what is not green', () => {
  const checks = [
    { id: 'a', title: 'Pods', ...green('2/2') },
    { id: 'c', title: 'Door', ...skipped('platform none') },
    { id: 'b', title: 'Rows', ...red('none\u001b[2J', 'aa-ops rollback') },
  ];
  expect(renderChecks({ overall: 'red', checks }, plainPaint)).toBe(
    [
      'green   Pods: 2/2',
      '-       Door: skipped: platform none',
      'red     Rows: none\\x1b[2J',
      '        next: aa-ops rollback',
      '',
      'red: 3 checks, 1 red, 1 green, 1 skipped',
    ].join('\n'),
  );
});
