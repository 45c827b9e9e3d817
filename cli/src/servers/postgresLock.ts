import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { startTimeOf } from './tempDir.ts';

/**
 * Looks at the data folder's `postmaster.pid` after PostgreSQL has refused to start because of it. A postmaster that was killed may stay a
 * zombie for long where nobody collects it (process 1 of a container), and PostgreSQL takes a zombie for alive. `freed`: it is gone and so is
 * every process attached to its memory, and the file has been removed · `wait`: its children are still ending · `held`: it lives, or we cannot tell.
 */
export async function freeStaleLock(data: string): Promise<'freed' | 'wait' | 'held'> {
  const path = join(data, 'postmaster.pid');
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return 'freed';
  const lines = text.split('\n');
  if (startTimeOf(process.pid) === undefined) return 'held'; // no /proc
  if (startTimeOf(Number(lines[0])) !== undefined) return 'held';
  const id = lines[6]?.trim().split(/\s+/)[1]; // line 7: key and id of its shared memory
  const attached = id === undefined ? 0 : await attachedTo(id);
  if (attached === undefined) return 'held';
  if (attached > 0) return 'wait';
  await rm(path, { force: true });
  return 'freed';
}

async function attachedTo(id: string): Promise<number | undefined> {
  const table = await readFile('/proc/sysvipc/shm', 'utf8').catch(() => undefined);
  const row = table?.split('\n').find((line) => line.trim().split(/\s+/)[1] === id);
  if (table === undefined) return undefined;
  return row === undefined ? 0 : Number(row.trim().split(/\s+/)[6]);
}
