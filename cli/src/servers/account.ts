import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Account } from './child.ts';

/** PostgreSQL refuses to run as root. Who runs it then: `nobody`; undefined where we are a plain user ourselves. */
export function postgresAccount(): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const nobody = /^nobody:[^:]*:(\d+):(\d+):/m.exec(readFileSync('/etc/passwd', 'utf8'));
  return nobody ? { uid: Number(nobody[1]), gid: Number(nobody[2]) } : { uid: 65534, gid: 65534 };
}

/** Whether the account may enter the folder (every folder above it counts: a clone under /root is closed to others). */
export const mayEnter = (folder: string, account: Account | undefined): Promise<boolean> =>
  new Promise((answer) => {
    execFile('/bin/sh', ['-c', 'cd "$1"', 'sh', folder], { ...account, cwd: '/' }, (error) =>
      answer(error === null),
    );
  });
