import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { STEP_IDS } from '../../../cli/src/saga/stepIds.ts';
import { handoffRows } from '../../../scripts/generated/handoffRows.ts';
import { commandsIn, renderHere, type Row } from '../../../scripts/generated/rows.ts';
import { isThere } from '../../../scripts/generated/runbook.ts';
import { runbookRows } from '../../../scripts/generated/runbookRows.ts';
import { handoffOutline, runbookOutline, titlesOf } from '../../../scripts/generated/seedOutline.ts';
import { STEPS } from '../../../cli/src/runbook/steps/index.ts';

const missingIn = (text: string): string[] => commandsIn(text).filter((command) => !isThere(command));
const rowsOf = (chapters: typeof runbookRows): Row[] => chapters.flatMap(({ rows }) => rows);

describe.each([
  ['the runbook', runbookOutline, rowsOf(runbookRows)],
  ['the handoff report', handoffOutline, rowsOf(handoffRows)],
])('%s', (_name, outline, rows) => {
  it('has an answer to every section, once, and to nothing else', () => {
    expect(rows.flatMap(({ of }) => of).sort()).toEqual(titlesOf(outline).sort());
  });

  it('says what to do meanwhile only beside a command that is missing', () => {
    const dead = rows.filter(({ here, until }) => until !== undefined && missingIn(here).length === 0);
    expect(dead.map(({ of, until }) => `${of[0]}: ${until}`)).toEqual([]);
  });

  it('calls nothing missing by itself: the mark is made from the catalog', () => {
    const marked = rows.filter((row) => /\bnot yet\b/i.test(Object.values(row).flat().join('\n')));
    expect(marked.map(({ of }) => of[0])).toEqual([]);
  });
});

describe('docs/runbook.md', () => {
  it('has every step, in order', async () => {
    const page = await readFile('docs/runbook.md', 'utf8');
    const places = STEP_IDS.map((id) => page.indexOf(`| \`${id}\` |`));
    expect(places).not.toContain(-1);
    expect(places).toEqual(places.toSorted((a, b) => a - b));
  });

  it('names, for each step, a section that the runbook has', () => {
    const titles = titlesOf(runbookOutline).map((title) => title.replace(/ \(T.*/, ''));
    for (const { id, runbook } of STEPS) {
      const known = titles.some(
        (title) => runbook.includes(title) || title.includes(runbook.split(', ').at(-1)!),
      );
      expect(known || runbook.startsWith('not in the runbook'), `${id}: ${runbook}`).toBe(true);
    }
  });

  it('marks every command that the catalog does not have, and says what to do meanwhile with ones that it has', () => {
    for (const row of [...rowsOf(runbookRows), ...rowsOf(handoffRows)]) {
      const shown = renderHere(row, isThere);
      expect(shown.includes('(**not yet**)'), row.here).toBe(missingIn(row.here).length > 0);
      expect(missingIn(row.until ?? '')).toEqual([]);
    }
  });
});
