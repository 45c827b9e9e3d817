import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { checkRights } from '../../../topology/src/handover/preflight/checkRights.ts';

it('docs/handover.md gives a check mark to exactly the rights that step plan reads', () => {
  const page = readFileSync('docs/handover.md', 'utf8');
  const section = page.slice(page.indexOf('\n## Rights\n')).split('\n## ')[1]!;
  const marked = section.split('\n').filter((row) => row.endsWith('| ✓ |'));
  const named = marked.flatMap((row) => [...row.split('|')[1]!.matchAll(/`([^`]+)`/g)].map(([, it]) => it!));
  const nothing = { publish: { allow: ['nothing'] } };
  const read = checkRights(nothing, ['STREAM'], '$JS.API', ['STREAM']).map(
    ({ details }) => details?.['right'],
  );
  expect(named.map((it) => `publish ${it}`).sort()).toEqual(read.sort());
});
