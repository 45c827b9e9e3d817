import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

// `npm test` and `npm run demo` begin with set-up: what they run has to be what the sources say. In a copy of its own: nobody else's build moves.
const root = fileURLToPath(new URL('../../../', import.meta.url));
const execute = promisify(execFile);
const SOURCES = [
  'topology',
  'cli',
  'consumers-runtime',
  'scripts',
  'LICENSE',
  'package.json',
  'package-lock.json',
];
const EDITED = 'consumers-runtime/src/aa-ingest.ts';
let copy: string;

const run = async (script: string, ...args: string[]): Promise<string> =>
  (await execute(process.execPath, [join(copy, 'scripts', script), ...args], { cwd: copy })).stderr;
const built = (): Promise<string> => readFile(join(copy, 'consumers-runtime/dist/aa-ingest.js'), 'utf8');

beforeAll(async () => {
  copy = await mkdtemp(join(tmpdir(), 'aa-setup-'));
  const filter = (path: string): boolean => !/\/(?:dist|node_modules)$/.test(path);
  for (const path of SOURCES) await cp(join(root, path), join(copy, path), { recursive: true, filter });
  await symlink(join(root, 'node_modules'), join(copy, 'node_modules'));
  await run('setup.mjs');
});
afterAll(() => rm(copy, { recursive: true, force: true }));

describe('set-up', () => {
  it('builds nothing where nothing changed', async () => {
    expect(await run('setup.mjs')).not.toContain('building');
  });

  it.each([['all'], ['runtime']])(
    'builds again behind a build (%s) of other sources, though they are back',
    async (part) => {
      const before = await readFile(join(copy, EDITED), 'utf8');
      await writeFile(join(copy, EDITED), `${before}\nconsole.log('of other sources');\n`);
      await run('build.mjs', part);
      expect(await built()).toContain('of other sources');
      await writeFile(join(copy, EDITED), before);
      expect(await run('setup.mjs')).toContain('setup: building');
      expect(await built()).not.toContain('of other sources');
    },
  );

  it.each(['consumers-runtime/dist', 'dist/cli/find-servers.js'])(
    'builds what is missing: %s',
    async (path) => {
      await rm(join(copy, path), { recursive: true });
      expect(await run('setup.mjs')).toContain('setup: building');
      await expect(readFile(join(copy, 'dist/cli/aa-ops.js'))).resolves.toBeDefined();
      await expect(built()).resolves.toBeDefined();
    },
  );
});
