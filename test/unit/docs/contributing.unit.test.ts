import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

interface Manifest {
  name: string;
  version: string;
  dependencies?: Record<string, string>;
}
const manifests = ['package.json', 'topology', 'consumers-runtime', 'infra'].map(
  (at) => JSON.parse(readFileSync(at === 'package.json' ? at : `${at}/package.json`, 'utf8')) as Manifest,
);

it('CONTRIBUTING lists every variable that is there for tests', () => {
  const words = ['grep', '-hoEw', 'AA_(OPS_TEST|TEST)_[A-Z_]+', '--', '*.ts', '*.mjs', 'package.json'];
  const variables = [...new Set(execFileSync('git', words, { encoding: 'utf8' }).trim().split('\n'))];
  expect(variables).toContain('AA_TEST_LONG');
  const table = readFileSync('CONTRIBUTING.md', 'utf8').matchAll(/^\| `(AA_\w+)=/gm);
  expect([...table].map(([, name]) => name).sort()).toEqual(variables.sort());
});

it('every package has the version that CHANGELOG begins with', () => {
  const [, latest] = /^## (\d+\.\d+\.\d+)/m.exec(readFileSync('CHANGELOG.md', 'utf8')) ?? [];
  const named = manifests.flatMap(({ version, dependencies = {} }) => [
    version,
    ...manifests.flatMap(({ name }) => dependencies[name] ?? []),
  ]);
  expect([...new Set(named)]).toEqual([latest]);
});
