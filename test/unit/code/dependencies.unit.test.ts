import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { describe, expect, it } from 'vitest';

const { workspaces } = JSON.parse(readFileSync('package.json', 'utf8')) as { workspaces: string[] };
const sources = execFileSync('git', ['ls-files', '-z', '*.ts', '*.mjs'], { encoding: 'utf8' })
  .split('\0')
  .filter(existsSync);
const isIn = (folder: string, path: string): boolean => path.startsWith(`${folder}/`);

/** Packages that a file imports, statically or not. */
const importedBy = (path: string): string[] =>
  [
    ...readFileSync(path, 'utf8').matchAll(
      /^(?:import|export|\}) .*?from '([^'.][^']*)'|\bimport\('([^'.][^']*)'\)|^import '([^'.][^']*)'/gm,
    ),
  ]
    .map(([, ...names]) => names.find(Boolean)!)
    .filter((name) => !isBuiltin(name) && !name.includes('${'))
    .map((name) => /^(?:@[^/]+\/)?[^/]+/.exec(name)![0]);

describe.each(['.', ...workspaces])('%s', (folder) => {
  const manifest = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8')) as Record<
    string,
    Record<string, string>
  >;

  it('declares every package that it imports', () => {
    const own = sources.filter((path) =>
      folder === '.' ? !workspaces.some((it) => isIn(it, path)) : isIn(folder, path),
    );
    const declared = Object.keys({ ...manifest['dependencies'], ...manifest['devDependencies'] });
    const imported = [...new Set(own.flatMap(importedBy))];
    expect(imported).not.toEqual([]);
    expect(imported.filter((name) => !declared.includes(name)).sort()).toEqual([]);
  });

  it('says what it is, and which Node it needs', () => {
    expect(manifest).toMatchObject({
      description: expect.any(String) as string,
      engines: { node: '>=20.19' },
    });
  });
});
