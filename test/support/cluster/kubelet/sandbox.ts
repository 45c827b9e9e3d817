import { type ChildProcess, spawn } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { plugIn } from '../network.ts';

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

const namespaceOf = (pid: number): string => readlinkSync(`/proc/${pid}/ns/net`);

/** What one container is started with; paths are the machine's. */
export interface ContainerSpec {
  command: string[];
  env: Record<string, string>;
  workingDir: string;
  /** Unpacked image, mounted read-only at /app. */
  imageFolder: string;
  /** Where the container's root is mounted: an empty folder. */
  rootFolder: string;
  mounts: { source: string; path: string; readOnly: boolean }[];
  /** Lines of its /etc/hosts. */
  hosts: string[];
  readOnlyRoot: boolean;
  runAs?: { uid: number; gid: number };
}

/**
 * Starts a container: the pod's network, and a root of its own, an overlay over the machine's (there is no registry to pull a base image from),
 * in which only what is mounted comes from the pod. The process gets SIGKILL when we are gone.
 */
export function startContainer(sandbox: Sandbox, spec: ContainerSpec): ChildProcess {
  const namespaces = ['nsenter', '-t', String(sandbox.pid), '-n', '--', 'unshare', '-m', '--'];
  const args = ['--pdeathsig', 'KILL', ...namespaces, 'sh', '-ec', setUp(spec), 'container', ...spec.command];
  return spawn('setpriv', args, { env: spec.env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
}

function setUp(spec: ContainerSpec): string {
  const base = quote(spec.rootFolder);
  const root = quote(`${spec.rootFolder}/root`);
  const within = (path: string): string => quote(`${spec.rootFolder}/root${path}`);
  const account = spec.runAs
    ? `--reuid=${spec.runAs.uid} --regid=${spec.runAs.gid} --clear-groups --bounding-set=-all`
    : '';
  const mounts = [{ source: spec.imageFolder, path: '/app', readOnly: true }, ...spec.mounts];
  return [
    `mount -t tmpfs -o mode=755 container ${base}`,
    `mkdir ${base}/upper ${base}/work ${base}/root`,
    `mount -t overlay container -o lowerdir=/,upperdir=${base}/upper,workdir=${base}/work ${root}`,
    ...['/proc', '/dev', '/sys'].map((path) => `mount --rbind ${path} ${within(path)}`),
    `printf '%s\\n' ${spec.hosts.map(quote).join(' ')} > ${within('/etc/hosts')}`,
    // There is no DNS here: a resolver that is refused at once, not one that is waited for (27 s of a pod's start).
    `rm -f ${within('/etc/resolv.conf')}`,
    `echo 'nameserver 127.0.0.1' > ${within('/etc/resolv.conf')}`,
    ...mounts.flatMap(({ source, path, readOnly }) => [
      // A link on the way (/var/run -> /run) has to lead to a place of the container, not of the machine.
      `chroot ${root} mkdir -p -- ${quote(path)}`,
      `target=${root}$(chroot ${root} readlink -f -- ${quote(path)})`,
      `mount --bind ${quote(source)} "$target"`,
      ...(readOnly ? ['mount -o remount,ro,bind "$target"'] : []),
    ]),
    ...(spec.readOnlyRoot ? [`mount -o remount,ro ${root}`] : []),
    `exec chroot ${root} setpriv ${account} --pdeathsig KILL -- sh -c 'cd "$0" && exec "$@"' ${quote(spec.workingDir)} "$@"`,
  ].join('\n');
}

const quote = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;
