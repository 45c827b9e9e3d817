import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readlinkSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { plugIn } from '../network.ts';
import { type ContainerSpec, enterRoot } from './containerRoot.ts';

/** A pod's network namespace, held open by a process that does nothing, as the pause container does. */
export interface Sandbox {
  pid: number;
  ip: string;
  close(): void;
}

let plugged = 0;

/** Makes one, with an address of 10.244.0.0/16 that no pod of this run had before. */
export async function openSandbox(): Promise<Sandbox> {
  const index = ++plugged;
  const holder = spawn('setpriv', ['--pdeathsig', 'KILL', 'unshare', '-n', 'sleep', 'infinity'], {
    stdio: 'ignore',
  });
  await new Promise<void>((started, failed) => holder.once('spawn', started).once('error', failed));
  const pid = holder.pid!;
  const ours = readlinkSync('/proc/self/ns/net');
  while (holder.exitCode === null && namespaceOf(pid) === ours) await pause(2);
  const ip = `10.244.${1 + Math.floor(index / 250)}.${1 + (index % 250)}`;
  try {
    await plugIn(pid, index, ip);
  } catch (error) {
    holder.kill('SIGKILL');
    throw error;
  }
  return { pid, ip, close: () => holder.kill('SIGKILL') };
}

const namespaceOf = (pid: number | string, kind = 'net'): string => readlinkSync(`/proc/${pid}/ns/${kind}`);

/** Starts a container in the pod's network and in a root of its own. The process gets SIGKILL when we are gone. */
export function startContainer(sandbox: Sandbox, spec: ContainerSpec): ChildProcess {
  const namespaces = ['nsenter', '-t', String(sandbox.pid), '-n', '--', 'unshare', '-m', '--'];
  const args = [
    '--pdeathsig',
    'KILL',
    ...namespaces,
    'sh',
    '-ec',
    enterRoot(spec),
    'container',
    ...spec.command,
  ];
  return spawn('setpriv', args, { env: spec.env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
}

/** The mount namespace of a container that has just been started; undefined: it was gone before it had one. */
export async function mountNamespaceOf(container: ChildProcess): Promise<string | undefined> {
  const ours = namespaceOf('self', 'mnt');
  try {
    for (;;) {
      const theirs = namespaceOf(container.pid!, 'mnt');
      if (theirs !== ours) return theirs;
      await pause(2);
    }
  } catch {
    return undefined;
  }
}

/** Ends whatever a container left running when its main process ended, as the end of a real one's process namespace does. */
export function killAllIn(mountNamespace: string | undefined): void {
  if (!mountNamespace) return;
  for (const pid of readdirSync('/proc')) {
    try {
      if (/^\d+$/.test(pid) && namespaceOf(pid, 'mnt') === mountNamespace)
        process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It is gone, or another account's.
    }
  }
}
