import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

// No container engine is asked here: what the images hold is run from its folder (test/e2e/pack) and as pods (test/cluster).
const read = (path: string): Promise<string> =>
  readFile(fileURLToPath(new URL(`../../../${path}`, import.meta.url)), 'utf8');

describe.each([
  ['consumers-runtime/Dockerfile', 'runtime'],
  ['cli/Dockerfile', 'cli'],
])('%s', (path, name) => {
  it('pins both of its bases by a digest that an argument can replace', async () => {
    const bases = [...(await read(path)).matchAll(/^FROM \$\{(\w+)\}/gm)].map(([, argument]) => argument);
    expect(bases).toEqual(['BUILD_IMAGE', 'BASE_IMAGE']);
    for (const it of bases)
      expect(await read(path)).toMatch(new RegExp(`^ARG ${it}=\\S+@sha256:[0-9a-f]{64}$`, 'm'));
  });

  it('runs the script that makes the folder of the tests, and holds that folder alone', async () => {
    const text = await read(path);
    expect(text).toContain(`RUN npm run pack:${name}\n`);
    const [, held] = text.split('FROM ${BASE_IMAGE}') as [string, string];
    expect([...held.matchAll(/^COPY .*$/gm)].map(([line]) => line)).toEqual([
      `COPY --from=build --chown=0:0 /src/dist/images/${name} ./`,
    ]);
    expect(held).not.toMatch(/^RUN /m);
  });

  it('is nobody in particular, by number', async () => {
    expect(await read(path)).toMatch(/^USER 65532:65532$/m);
  });

  it('installs from the lock file of every workspace, without install scripts', async () => {
    const text = await read(path);
    const { workspaces } = JSON.parse(await read('package.json')) as { workspaces: string[] };
    for (const it of workspaces) expect(text).toContain(`COPY ${it}/package.json ${it}/\n`);
    expect(text).toContain('npm ci --ignore-scripts');
  });
});
