import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { removePostgresData } from '../../servers/index.ts';
import { sendStop } from './controlClient.ts';
import { endLeftovers, endProcess, signalTo } from './leftovers.ts';
import { holderOf } from './lock.ts';
import { readState, writeState } from './state.ts';

/** `down`: it was up and is taken down · `cleaned`: its supervisor was gone, leftovers ended · `already`: nothing ran. */
export interface TakenDown {
  result: 'down' | 'cleaned' | 'already';
  /** Processes that had outlived their supervisor. */
  leftovers: number;
}

/** More than the longest orderly way down: draining, 30 s of grace for pods, the servers. */
const DOWN_MS = 120_000;

/** Takes the platform in `dir` down, whoever started it; with `deleteData` the folder goes as well. */
export async function takeDown(dir: string, { deleteData = false } = {}): Promise<TakenDown> {
  const folder = resolve(dir);
  const state = readState(folder);
  const supervisor = holderOf(folder);
  let outcome: TakenDown = { result: 'already', leftovers: 0 };
  if (supervisor) {
    // One that is still starting has no control yet: a signal reaches it.
    await sendStop(folder).catch(() => signalTo(supervisor, 'SIGTERM'));
    const deadline = performance.now() + DOWN_MS;
    while (holderOf(folder) && performance.now() < deadline) await pause(20);
    if (holderOf(folder)) await endProcess(supervisor, 0);
    outcome = { result: 'down', leftovers: state ? await endLeftovers(state) : 0 };
  } else if (state && state.status !== 'down') {
    outcome = { result: 'cleaned', leftovers: await endLeftovers(state) };
    const { control: _control, ...rest } = state;
    writeState(folder, { ...rest, status: 'down', pods: [] });
  }
  if (deleteData) {
    await removePostgresData(join(folder, 'postgres'));
    await rm(folder, { recursive: true, force: true });
  }
  return outcome;
}
