// Writes every file that is made from code; with --check only compares, and fails when one of them drifted.
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { generatedFiles } from './generated/index.ts';

const check = process.argv.includes('--check');
const root = fileURLToPath(new URL('..', import.meta.url));
let drifted = 0;
for (const { path, make } of generatedFiles) {
  const before = await readFile(`${root}/${path}`, 'utf8').catch(() => undefined);
  const after = await make(before ?? '');
  if (before === after) continue;
  drifted += 1;
  if (check) console.error(`${path} is not what the code makes of it: npm run generate`);
  else await writeFile(`${root}/${path}`, after);
  if (!check) console.log(`wrote ${path}`);
}
if (check && drifted > 0) process.exitCode = 1;
