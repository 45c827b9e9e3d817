import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { OpsError } from '@aa-ops/topology';
import { isAlive, markOf, type ProcessMark } from './state.ts';

/**
 * Makes this process the only supervisor of the folder; the returned function gives that up. The lock of a process that is gone does not count.
 * Throws OpsError `platform-running` while another one holds it.
 */
export function lockFolder(dir: string): { mark: ProcessMark; unlock(): void } {
  const path = lockFile(dir);
  const mark = markOf(process.pid) ?? { pid: process.pid, started: '' };
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      writeFileSync(path, JSON.stringify(mark), { flag: 'wx', mode: 0o600 });
      return { mark, unlock: () => rmSync(path, { force: true }) };
    } catch (error) {
      if ((error as { code?: string }).code !== 'EEXIST') throw error;
    }
    const holder = holderOf(dir);
    if (holder) {
      throw new OpsError('platform-running', `process ${holder.pid} runs the local platform in ${dir}`, {
        hint: 'type aa-ops dev status, or aa-ops dev down',
      });
    }
    rmSync(path, { force: true });
  }
  throw new OpsError('platform-running', `another process keeps taking ${path}`, {
    hint: 'type aa-ops dev down',
  });
}

/** The live process that supervises the folder; undefined: none does. */
export function holderOf(dir: string): ProcessMark | undefined {
  try {
    const mark = JSON.parse(readFileSync(lockFile(dir), 'utf8')) as ProcessMark;
    return isAlive(mark) ? mark : undefined;
  } catch {
    return undefined;
  }
}

const lockFile = (dir: string): string => join(dir, 'supervisor.lock');
