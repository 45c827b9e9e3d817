import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

/** SIGSTOP, and resolves once the process stands still: the signal alone leaves it some time to answer in. */
export async function standStill(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  while ((await stateOf(pid)) !== 'T') await delay(5);
}

/** One letter: `T` is stopped. */
async function stateOf(pid: number): Promise<string> {
  if (process.platform !== 'linux')
    return (await promisify(execFile)('ps', ['-o', 'stat=', '-p', `${pid}`])).stdout.charAt(0);
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  return stat.charAt(stat.lastIndexOf(')') + 2);
}
