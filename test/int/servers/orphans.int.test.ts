import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { killNine, startParent } from '../../support/parent.ts';
import { makeTempDir, startTimeOf } from '../../support/servers.ts';

test('whatever a process started ends when it is killed with -9, and its folders go with the next one', async () => {
  const { process: parent, told } = await startParent<{ pids: number[]; folders: string[] }>('servers.ts');
  const alive = (): number[] => told.pids.filter((pid) => startTimeOf(pid) !== undefined);
  expect(alive()).toEqual(told.pids);
  await killNine(parent);
  await expect.poll(alive, { timeout: 10_000, interval: 20 }).toEqual([]);
  expect(told.folders.every((folder) => existsSync(folder))).toBe(true);
  makeTempDir('sweep');
  expect(told.folders.filter((folder) => existsSync(folder))).toEqual([]);
});
