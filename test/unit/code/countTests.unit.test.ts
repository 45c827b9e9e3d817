import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { countTests } from '../../../scripts/countTests.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'aa-count-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const write = (name: string, content: unknown): void =>
  writeFileSync(join(folder, name), JSON.stringify(content));
const report = (changes: object) => ({
  success: true,
  numPassedTests: 0,
  numFailedTests: 0,
  numFailedTestSuites: 0,
  numPendingTests: 0,
  numTodoTests: 0,
  testResults: [],
  ...changes,
});
const tried = (title: string, status: string, ...failureMessages: string[]) => ({
  ancestorTitles: ['a bus'],
  title,
  status,
  failureMessages,
});

it('names what passed at a second try before the count, and nothing else', () => {
  const assertionResults = [
    tried('is quick', 'passed'),
    tried('is there', 'passed', 'AssertionError: expected 1 to be 2\n    at here'),
    tried('is broken', 'failed', 'Error: no', 'Error: no'),
  ];
  const testResults = [{ name: resolve('test/int/bus.int.test.ts'), assertionResults }];
  write('tests.json', report({ success: false, numPassedTests: 2, numFailedTests: 1, testResults }));
  expect(countTests(folder, ['tests'])).toEqual([
    'passed at a second try only: 1',
    '  test/int/bus.int.test.ts > a bus > is there: AssertionError: expected 1 to be 2',
    '2 passed, 1 failed, 0 skipped',
  ]);
});

it('adds up the runs: one that ended without a report has failed, one that could not be run is skipped', () => {
  write('tests.json', report({ numPassedTests: 3, numPendingTests: 1, numTodoTests: 1 }));
  write('cluster.skipped.json', [{}, {}]);
  expect(countTests(folder, ['tests', 'cluster'])).toEqual(['3 passed, 0 failed, 4 skipped']);
  expect(countTests(folder, ['tests', 'other'])).toEqual(['3 passed, 1 failed, 2 skipped']);
});

it('counts a file that could not begin', () => {
  write('tests.json', report({ success: false, numPassedTests: 3, numFailedTestSuites: 2 }));
  expect(countTests(folder, ['tests'])).toEqual(['3 passed, 2 failed, 0 skipped']);
});
