import { join, resolve } from 'node:path';
import type { CommandContext } from '../frame/command.ts';
import { openPlatform } from '../platform/openPlatform.ts';
import { nonePlatform } from '../platform/platform.ts';
import { DEFAULT_TIMEOUTS, type RunEnvironment } from './context.ts';

/** Where reports and backups go, below the folder that the command is called in. */
export const RUNS_DIR = join('.aa-ops', 'runs');

/** Opens everything that a run works with. The command's context closes the account; the caller closes the platform. */
export async function openEnvironment(context: CommandContext): Promise<RunEnvironment> {
  const environment = await openAccountOnly(context);
  const platform = await openPlatform(environment.topology, { signal: context.signal });
  if (platform.kind === 'kubernetes')
    context.host.notify({ level: 'info', code: 'platform', message: `pods: ${platform.name}` });
  return { ...environment, platform };
}

/** For a run that has nothing to do with pods: it asks for no rights there. There is nothing to close but what the context does. */
export async function openAccountOnly(context: CommandContext): Promise<RunEnvironment> {
  return {
    topology: await context.topology(),
    settings: await context.settings(),
    account: await context.writer(),
    platform: nonePlatform,
    host: context.host,
    signal: context.signal,
    runsDir: resolve(RUNS_DIR),
    timeouts: DEFAULT_TIMEOUTS,
  };
}
