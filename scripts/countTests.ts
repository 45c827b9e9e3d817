// `countTests.ts FOLDER`: adds up what the test runners of .ci/run have reported there. Names each test that passed at a second try only, so
// that nobody takes it for a good one; the last line is the count.
import { existsSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What vitest's JSON reporter writes, as far as it is read here. */
interface Report {
  success: boolean;
  numPassedTests: number;
  numFailedTests: number;
  numFailedTestSuites: number;
  numPendingTests: number;
  numTodoTests: number;
  testResults: {
    name: string;
    assertionResults: {
      ancestorTitles: string[];
      title: string;
      status: string;
      /** Of every try: one that passed has some where an earlier try failed. */
      failureMessages?: string[];
    }[];
  }[];
}

/** The lines to print about `<run>.json`, or `<run>.skipped.json` with a list of tests that could not be run. */
export function countTests(folder: string, runs: readonly string[]): string[] {
  const sum = { passed: 0, failed: 0, skipped: 0 };
  const retried: string[] = [];
  const read = (name: string): unknown => JSON.parse(readFileSync(join(folder, name), 'utf8'));
  for (const run of runs) {
    if (existsSync(join(folder, `${run}.skipped.json`)))
      sum.skipped += (read(`${run}.skipped.json`) as unknown[]).length;
    else if (existsSync(join(folder, `${run}.json`))) {
      const report = read(`${run}.json`) as Report;
      sum.passed += report.numPassedTests;
      // A file that could not even begin has no failed test of its own.
      sum.failed += report.numFailedTests || (report.success ? 0 : report.numFailedTestSuites || 1);
      sum.skipped += report.numPendingTests + report.numTodoTests;
      retried.push(...retriedIn(report));
    } else sum.failed += 1; // it ended before it had anything to report
  }
  const heading = `passed at a second try only: ${retried.length}`;
  return [
    ...(retried.length > 0 ? [heading, ...retried.map((line) => `  ${line}`)] : []),
    `${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`,
  ];
}

const retriedIn = ({ testResults }: Report): string[] =>
  testResults.flatMap(({ name, assertionResults }) =>
    assertionResults.flatMap(({ status, ancestorTitles, title, failureMessages: [first] = [] }) =>
      status === 'passed' && first !== undefined
        ? [`${[relative('.', name), ...ancestorTitles, title].join(' > ')}: ${first.split('\n')[0]}`]
        : [],
    ),
  );

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  console.log(countTests(process.argv[2]!, ['tests', 'cluster']).join('\n'));
}
