import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';

const tracked = execFileSync('git', ['ls-files', '-z'], { encoding: 'utf8' }).split('\0').filter(existsSync);
const texts = tracked.filter((path) =>
  /\.(?:md|ts|mjs|json|ya?ml|go|sql)$|Dockerfile$|^\.ci\/run$/.test(path),
);

/** Each run writes one; it is no page of the repository. */
const WRITTEN = /(?:^|\/)report\.md$/;

/** Where such names still stand, since another change is at work there: a file that is mended goes from this list. */
const TO_MEND = [
  'consumers-runtime/src/normalize/deadLetter.ts',
  'consumers-runtime/src/normalize/metrics.ts',
  'consumers-runtime/src/normalize/sweep.ts',
  'consumers-runtime/src/shared/hrvEvent.ts',
  'topology/src/handover/hold.ts',
  'topology/src/handover/moveConsumers.ts',
  'topology/src/handover/preflight/checkLimits.ts',
  'topology/src/handover/types.ts',
];

/** Pages that a file names: from the root, from where it stands, or from docs/, for which much is generated. */
const missingIn = (path: string): string[] =>
  [...readFileSync(path, 'utf8').matchAll(/[\w<>./-]*\w\.md\b/g)]
    .map(([page]) => page.replace(/^\//, ''))
    .filter((page) => !WRITTEN.test(page))
    .filter((page) => !['', dirname(path), 'docs'].some((folder) => existsSync(join(folder, page))));

describe('every file', () => {
  it('is looked at', () => {
    for (const path of ['README.md', '.ci/run', 'cli/src/aa-ops.ts', 'consumers-runtime/Dockerfile'])
      expect(texts).toContain(path);
  });

  it('names no page that the repository does not have', () => {
    const others = texts.filter((path) => !TO_MEND.includes(path));
    expect(others.flatMap((path) => missingIn(path).map((page) => `${path}: ${page}`))).toEqual([]);
    expect(TO_MEND.filter((path) => missingIn(path).length === 0)).toEqual([]);
  });
});
