import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

it('CONTRIBUTING lists every variable that is there for tests', () => {
  const words = ['grep', '-hoEw', 'AA_(OPS_TEST|TEST)_[A-Z_]+', '--', '*.ts', '*.mjs', 'package.json'];
  const variables = [...new Set(execFileSync('git', words, { encoding: 'utf8' }).trim().split('\n'))];
  expect(variables).toContain('AA_TEST_LONG');
  const table = readFileSync('CONTRIBUTING.md', 'utf8').matchAll(/^\| `(AA_\w+)=/gm);
  expect([...table].map(([, name]) => name).sort()).toEqual(variables.sort());
});
