import { OpsError } from '@aa-ops/topology';
import type { CommandContext, CommandResult } from '../frame/command.ts';
import {
  describePlatform,
  holderOf,
  type LocalPlatformOptions,
  type PortWish,
  startDetached,
  startLocalPlatform,
  takeDown,
  USUAL_PORTS,
  waitForUp,
} from '../platform/local/index.ts';
import { renderDevStatus } from '../render/devStatus.ts';

export interface UpArguments {
  dir: string;
  /** Leave it running in the background. */
  detach?: boolean;
  /** `fixed`: fail where a usual port is taken; `auto` (default): take another one. */
  ports?: 'auto' | 'fixed';
  /** 0: any free one. */
  natsPort?: number;
  postgresPort?: number;
  frontDoorPort?: number;
}

/** What the topology says of the pods, and what is to be done once both servers answer. */
export type Preparation = Omit<LocalPlatformOptions, 'dir' | 'ports' | 'onProgress' | 'signal'>;

/** What `up` needs of its frame. */
export type UpContext = Pick<CommandContext, 'host' | 'signal'>;

/**
 * Brings the local platform up. In the foreground it returns when that has been taken down again, by the context's signal or by `dev down`;
 * detached, or where it runs already, at once. Throws OpsError `pods-not-ready` (unequal) when a detached one is up and its pods are not ready.
 */
export async function devUp(
  context: UpContext,
  args: UpArguments,
  prepare: () => Promise<Preparation> = async () => ({}),
): Promise<CommandResult> {
  const { dir } = args;
  const { host, signal } = context;
  if (holderOf(dir) && (await waitForUp(dir))) return devStatus(dir);
  if (args.detach) {
    await startDetached(dir, foregroundCommand(), signal);
    const { notReady } = await describePlatform(dir);
    if (notReady === null) return devStatus(dir);
    throw new OpsError('pods-not-ready', notReady, {
      kind: 'unequal',
      hint: `type aa-ops dev status --dir ${dir}`,
    });
  }
  const say = (message: string): void => host.notify({ level: 'info', code: 'dev', message });
  const options = { ...(await prepare()), dir, ports: portWishes(args), onProgress: say, signal };
  const platform = await startLocalPlatform(options);
  signal.addEventListener('abort', () => void platform.stop(), { once: true });
  if (signal.aborted) await platform.stop();
  else for (const line of renderDevStatus(await describePlatform(dir)).split('\n')) say(line);
  if (platform.notReady) host.notify({ level: 'warn', code: 'pods-not-ready', message: platform.notReady });
  await platform.stopped;
  return { json: { schemaVersion: 1, dir, result: 'down' }, text: `the local platform in ${dir} is down` };
}

/** Takes it down; `already` when nothing runs there. */
export async function devDown(args: { dir: string; deleteData?: boolean }): Promise<CommandResult> {
  const { dir } = args;
  const outcome = await takeDown(dir, { deleteData: args.deleteData ?? false });
  const said = {
    down: `the local platform in ${dir} is down`,
    cleaned: `its supervisor was gone; ended ${outcome.leftovers} leftover processes in ${dir}`,
    already: `nothing runs in ${dir}`,
  };
  return { json: { schemaVersion: 1, dir, ...outcome }, text: said[outcome.result] };
}

/** Where everything is, and how it does; a platform that is down is no error. */
export async function devStatus(dir: string): Promise<CommandResult> {
  const status = await describePlatform(dir);
  return { json: status, text: renderDevStatus(status) };
}

function portWishes(args: UpArguments): NonNullable<LocalPlatformOptions['ports']> {
  const wish = (named: number | undefined, usual: number): PortWish => {
    if (named === 0) return 'any';
    if (named !== undefined) return { must: named };
    return args.ports === 'fixed' ? { must: usual } : { prefer: usual };
  };
  return {
    nats: wish(args.natsPort, USUAL_PORTS.nats),
    postgres: wish(args.postgresPort, USUAL_PORTS.postgres),
    frontDoor: wish(args.frontDoorPort, USUAL_PORTS.frontDoor),
  };
}

// The same command line, less what makes it detach.
function foregroundCommand(): [string, ...string[]] {
  const args = process.argv.slice(1).filter((arg) => arg !== '--detach' && arg !== '-d');
  return [process.execPath, ...process.execArgv, ...args];
}
