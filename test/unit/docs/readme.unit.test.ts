import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { handoffRows } from '../../../scripts/generated/handoffRows.ts';
import { commandsIn } from '../../../scripts/generated/rows.ts';
import { isThere } from '../../../scripts/generated/runbook.ts';
import { runbookRows } from '../../../scripts/generated/runbookRows.ts';

const readme = readFileSync('README.md', 'utf8');
const section = readme.slice(readme.indexOf('## What is not there yet')).split('\n## ')[0]!;
/** The commands of the first column, without `|` and options: `dlq`, `export`. */
const listed = [...section.matchAll(/^\| (`[^|]*(?:\\\|[^|]*)*) \|/gm)].flatMap(([, cell]) =>
  [...cell!.matchAll(/`([a-z]+)[^`]*`/g)].map(([, name]) => name!),
);

it('the README lists as missing what is missing, and nothing that is there', () => {
  expect(listed).toContain('doctor');
  expect(listed.filter(isThere)).toEqual([]);
});

it('the README lists every command that docs/runbook.md marks', () => {
  const rows = [...runbookRows, ...handoffRows].flatMap((chapter) => chapter.rows);
  const marked = rows.flatMap(({ here }) => commandsIn(here)).filter((command) => !isThere(command));
  expect(marked.length).toBeGreaterThan(0);
  expect(marked.filter((command) => !listed.includes(command.split(' ')[0]!))).toEqual([]);
});
