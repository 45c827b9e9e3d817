import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, fstatSync, mkdirSync, openSync, readSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname } from 'node:path';

/** An account by its numbers. */
export interface Account {
  uid: number;
  gid: number;
}

export interface ChildOptions {
  command: string;
  args: string[];
  /** Both outputs are appended to this file; its folder is made. */
  logFile: string;
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** Run as this account instead of our own (root only). */
  as?: Account;
  /** What ends it when we are killed. Default: the kernel by way of setpriv where there is one, else a watchdog. */
  guard?: 'setpriv' | 'watchdog';
}

/** A process that ends, at the latest, with the process that started it: also when that one is killed with -9. */
export interface Child {
  readonly pid: number;
  /** Resolves once the process is gone, however it went; never rejects. */
  readonly exited: Promise<ChildExit>;
  readonly running: boolean;
  /** Sends the signal, waits for the exit, and sends SIGKILL after `boundMs`. */
  end(signal: NodeJS.Signals, boundMs: number): Promise<void>;
  /** The last `bytes` of what this process wrote (default 4 KiB). */
  log(bytes?: number): string;
}

export interface ChildExit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

// util-linux's; the one of BusyBox knows no --pdeathsig.
let setprivKnown: { path: string | undefined } | undefined;
function setpriv(): string | undefined {
  setprivKnown ??= {
    path: ['/usr/bin/setpriv', '/bin/setpriv'].find((path) =>
      spawnSync(path, ['--help'], { encoding: 'utf8' }).stdout?.includes('--pdeathsig'),
    ),
  };
  return setprivKnown.path;
}

/** Starts a child. Throws what `spawn` reports, e.g. ENOENT or EACCES. */
export async function startChild(options: ChildOptions): Promise<Child> {
  mkdirSync(dirname(options.logFile), { recursive: true });
  const fd = openSync(options.logFile, 'a', 0o644);
  const logStart = fstatSync(fd).size;
  const helper = options.guard === 'watchdog' ? undefined : setpriv();
  let child: ChildProcess;
  try {
    const wrapped = helper ? viaSetpriv(helper, options) : { command: options.command, args: options.args };
    child = spawn(wrapped.command, wrapped.args, {
      stdio: ['ignore', fd, fd],
      env: options.env ?? process.env,
      cwd: options.cwd,
      detached: true, // a Ctrl-C at the terminal is for us; we end our children in order
      ...(helper ? {} : options.as),
    });
    await new Promise<void>((started, failed) => child.once('spawn', started).once('error', failed));
  } finally {
    closeSync(fd);
  }
  const unwatch = helper ? () => {} : watchdog(child.pid!);
  return follow(child, options.logFile, logStart, unwatch);
}

function follow(child: ChildProcess, logFile: string, logStart: number, unwatch: () => void): Child {
  let running = true;
  let lastLog: string | undefined;
  const exited = new Promise<ChildExit>((gone) => {
    child.once('exit', (code, signal) => {
      running = false;
      lastLog = tailOf(logFile, logStart);
      unwatch();
      gone({ code, signal });
    });
  });
  return {
    pid: child.pid!,
    exited,
    get running() {
      return running;
    },
    async end(signal, boundMs) {
      if (!running) return;
      child.kill(signal);
      const timer = setTimeout(() => child.kill('SIGKILL'), boundMs);
      await exited;
      clearTimeout(timer);
    },
    // The file may be gone with its folder once the process is.
    log: (bytes) => (running || bytes ? tailOf(logFile, logStart, bytes) : (lastLog ?? '')),
  };
}

// setpriv changes the account first and asks for the signal last: a change of account would clear the request.
function viaSetpriv(
  helper: string,
  { command, args, as }: ChildOptions,
): { command: string; args: string[] } {
  const account = as ? [`--reuid=${as.uid}`, `--regid=${as.gid}`, '--clear-groups'] : [];
  return { command: helper, args: [...account, '--pdeathsig', 'KILL', '--', command, ...args] };
}

// Where there is no setpriv (macOS, BusyBox): a shell reads from a pipe that only we hold open; when it ends, we died.
function watchdog(pid: number): () => void {
  const dog = spawn('/bin/sh', ['-c', 'cat >/dev/null; kill -9 "$1"', 'aa-ops-watchdog', String(pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  dog.unref();
  (dog.stdin as unknown as { unref?: () => void } | null)?.unref?.();
  return () => dog.kill('SIGKILL'); // before the pipe closes: the number may belong to someone else by then
}

function tailOf(file: string, from: number, bytes = 4096): string {
  let fd: number;
  try {
    fd = openSync(file, 'r');
  } catch {
    return '';
  }
  try {
    const { size } = fstatSync(fd);
    const start = Math.max(from, size - bytes);
    const buffer = Buffer.alloc(Math.max(0, size - start));
    const read = readSync(fd, buffer, 0, buffer.length, start);
    return buffer.toString('utf8', 0, read).trimEnd();
  } finally {
    closeSync(fd);
  }
}

/** `exited with 1`, `was killed by SIGKILL`. */
export const describeExit = ({ code, signal }: ChildExit): string =>
  signal
    ? `was killed by ${signal}`
    : `exited with ${code}${code && code > 128 ? ` (${signalName(code - 128)})` : ''}`;

const signalName = (number: number): string =>
  Object.entries(constants.signals).find(([, value]) => value === number)?.[0] ?? String(number);
