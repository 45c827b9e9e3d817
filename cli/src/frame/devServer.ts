import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Where `dev` keeps its state unless told otherwise (platform/local/state.ts writes it; only this much is read here). */
const DEV_STATE = join('.aa-ops', 'dev', 'state.json');

/** The NATS URL of the local platform that runs from the working directory; undefined where none does. */
export async function readDevServer(folder: string = process.cwd()): Promise<string | undefined> {
  let text: string;
  try {
    text = await readFile(join(folder, DEV_STATE), 'utf8');
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
