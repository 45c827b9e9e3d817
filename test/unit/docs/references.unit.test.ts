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
    expect(texts.flatMap((path) => missingIn(path).map((page) => `${path}: ${page}`))).toEqual([]);
  });
});
