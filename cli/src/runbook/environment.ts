import { join, resolve } from 'node:path';
import type { CommandContext } from '../frame/command.ts';
import { openPlatform } from '../platform/openPlatform.ts';
import { DEFAULT_TIMEOUTS, type RunEnvironment } from './context.ts';

/** Where reports and backups go, below the folder that the command is called in. */
export const RUNS_DIR = join('.aa-ops', 'runs');

/** Opens everything that a run works with. The command's context closes the account; the caller closes the platform. */
export async function openEnvironment(context: CommandContext): Promise<RunEnvironment> {
  const [topology, settings, account] = [
    await context.topology(),
    await context.settings(),
    await context.writer(),
  ];
  const platform = await openPlatform(topology, { signal: context.signal });
  if (platform.kind === 'kubernetes')
    context.host.notify({ level: 'info', code: 'platform', message: `pods: ${platform.name}` });
  return {
    topology,
    settings,
    account,
    platform,
    host: context.host,
    signal: context.signal,
    runsDir: resolve(RUNS_DIR),
    timeouts: DEFAULT_TIMEOUTS,
  };
}
