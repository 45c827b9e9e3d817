import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const paths = execFileSync('git', ['ls-files', '-z', '*.ts', '*.mjs', '*.json'], { encoding: 'utf8' })
  .split('\0')
  .filter(existsSync);
const sources = paths.map((path) => ({ path, text: readFileSync(path, 'utf8') }));

const times = new Map<string, number>();
for (const { text } of sources)
  for (const [word] of text.matchAll(/[\w$]+/g)) times.set(word, (times.get(word) ?? 0) + 1);

it('no exported name stands only where it is exported', () => {
  const dead = sources.flatMap(({ path, text }) =>
    [...text.matchAll(/^export (?:async )?(?:const|function\*?|class|type|interface) ([\w$]+)/gm)]
      .filter(([, name]) => times.get(name!) === 1)
      .map(([, name]) => `${path}: ${name}`),
  );
  expect(dead).toEqual([]);
});
