import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/**
 * Who wrote something, so that another process can tell whether it is gone. A host name says little: containers on one network, and machines that
 * were cloned, share it, and a number of a process means nothing outside its own space of them.
 */
export interface ProcessIdentity {
  host: string;
  pid: number;
  /** Of this start of the machine; absent where the system tells none. */
  boot?: string;
  /** The space that `pid` is a number in. */
  pidSpace?: string;
  /** When the process began, in the system's own unit: numbers come again. */
  begun?: string;
}

export const thisProcess = (): ProcessIdentity => {
  const boot = told(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim());
  const pidSpace = told(() => readlinkSync('/proc/self/ns/pid'));
  const begun = begunAt(process.pid);
  return {
    host: hostname(),
    pid: process.pid,
    ...(boot === undefined ? {} : { boot }),
    ...(pidSpace === undefined ? {} : { pidSpace }),
    ...(begun === undefined ? {} : { begun }),
  };
};

/** Whether it is known that this process is gone. Of another machine, another space, or where the system tells too little, nothing is. */
export function isGone(one: ProcessIdentity): boolean {
  const here = thisProcess();
  const isComparable = here.boot !== undefined && here.pidSpace !== undefined;
  if (!isComparable || one.host !== here.host || one.boot !== here.boot || one.pidSpace !== here.pidSpace)
    return false;
  if (!isRunning(one.pid)) return true;
  const begun = begunAt(one.pid);
  return begun !== undefined && one.begun !== undefined && begun !== one.begun;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/** Field 22 of `stat`; the name in the second one may hold anything. */
const begunAt = (pid: number): string | undefined =>
  told(() => {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  });

function told<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
