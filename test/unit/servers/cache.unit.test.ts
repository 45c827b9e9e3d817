import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { cacheDir, inCache } from '../../../cli/src/servers/cache.ts';

let root: string;
beforeEach(() => (root = mkdtempSync(join(tmpdir(), 'aa-ops-cache-'))));
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(root, { recursive: true });
});

test('lies in XDG_CACHE_HOME, unless that is relative or empty', () => {
  vi.stubEnv('XDG_CACHE_HOME', root);
  expect(cacheDir()).toBe(join(root, 'aa-ops'));
  for (const ignored of ['cache', './cache', '']) {
    vi.stubEnv('XDG_CACHE_HOME', ignored);
    expect(cacheDir()).toBe(join(homedir(), '.cache/aa-ops'));
  }
});

test('two that fill the same place at once get the same whole folder', async () => {
  let arrived = 0;
  let letBothGo = (): void => {};
  const both = new Promise<void>((go) => (letBothGo = go));
  const fill = (mark: string) => async (folder: string) => {
    if (++arrived === 2) letBothGo();
    await both;
    writeFileSync(join(folder, 'who'), mark);
  };
  const [a, b] = await Promise.all([inCache('thing', fill('a'), root), inCache('thing', fill('b'), root)]);
  expect(a).toBe(b);
  expect(['a', 'b']).toContain(readFileSync(join(a, 'who'), 'utf8'));
  expect(readdirSync(root)).toEqual(['thing']);
});

test('what failed to fill leaves nothing behind', async () => {
  const fill = async (folder: string): Promise<void> => {
    writeFileSync(join(folder, 'half'), '');
    throw new Error('no network');
  };
  await expect(inCache('thing', fill, root)).rejects.toThrow('no network');
  expect(readdirSync(root)).toEqual([]);
});

test('what is there is not filled again', async () => {
  await inCache('thing', async () => {}, root);
  const again = inCache('thing', () => Promise.reject(new Error('filled twice')), root);
  await expect(again).resolves.toBe(join(root, 'thing'));
});
