import { spawn } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { removePostgresData } from '../servers/index.ts';

/** Removes a folder when it is told to, and when this process dies without telling: killed with -9, for example. */
export interface Sweeper {
  sweep(): Promise<void>;
}

/** What runs in the folder dies with us, but not in the same instant, and may still write: so it is tried for a while. */
const SCRIPT =
  'cat >/dev/null; i=0; while [ -e "$1" ] && [ $i -lt 50 ]; do rm -rf "$1" 2>/dev/null; sleep 0.2; i=$((i+1)); done';

/** A shell reads from a pipe that only we hold open; when that ends, we died. */
export function startSweeper(dir: string): Sweeper {
  const shell = spawn('/bin/sh', ['-c', SCRIPT, 'aa-ops-sweeper', dir], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true, // a Ctrl-C at the terminal is for us
  });
  shell.on('error', () => {}); // without a shell the next start removes what was left
  shell.stdin.on('error', () => {});
  shell.unref();
  (shell.stdin as unknown as { unref?: () => void }).unref?.();
  return {
    async sweep() {
      await removePostgresData(join(dir, 'postgres'));
      await rm(dir, { recursive: true, force: true, maxRetries: 5 });
      shell.stdin.end();
    },
  };
}
