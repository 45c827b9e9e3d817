import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { devDir } from '../platform/local/devDir.ts';

/** Where `dev` keeps its state (platform/local/state.ts writes it there; only this much is read here). */
const devState = (folder: string): string => resolve(folder, devDir(), 'state.json');

/** The NATS URL of the local platform that runs from the working directory; undefined where none does. */
export async function readDevServer(folder: string = process.cwd()): Promise<string | undefined> {
  let text: string;
  try {
    text = await readFile(devState(folder), 'utf8');
  } catch {
    return undefined;
  }
  try {
    const state = JSON.parse(text) as { status?: string; nats?: { url?: string } };
    return state.status === 'down' ? undefined : state.nats?.url;
  } catch {
    // Not ours, or of another version: the topology's servers then fail with their own names in the message.
    return undefined;
  }
}
