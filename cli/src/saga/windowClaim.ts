import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type JetStreamWriter,
  OpsError,
  readKey,
  STATE_BUCKET,
  type WindowOutcome,
  type WindowSpec,
  writeKey,
} from '@aa-ops/topology';

export type WindowEnd = Pick<WindowOutcome, 'window' | 'letGo'>;

/**
 * Who ends a window whose process died: one process only, since two would let go of the same held publishes. The
 * guardian claims it the moment its parent is gone; whoever resumes waits for it, or takes over from a dead one.
 */
interface WindowClaim {
  host: string;
  pid: number;
  at: string;
  /** Present when the window is over. */
  end?: WindowEnd;
}

/** ms that a guardian has to claim before somebody else does: it has held publishes that only it can answer. */
const GUARDIAN_FIRST_MS = 300;
/** ms after which a claim of another host that shows no end may be taken over. */
const ABANDONED_MS = 8_000;
const POLL_MS = 20;

const claimKey = (topology: string, { run, group, attempt }: WindowSpec): string =>
  `${topology}.window.${run}.${group}.${attempt}`;

const us = (): WindowClaim => ({ host: hostname(), pid: process.pid, at: new Date().toISOString() });

/** Claims a window and ends it with `work`, unless somebody else has, or takes over meanwhile; undefined then. */
export async function claimAndEnd(
  account: JetStreamWriter,
  topology: string,
  spec: WindowSpec,
  work: () => Promise<WindowEnd>,
  expected = 0,
): Promise<WindowEnd | undefined> {
  const key = claimKey(topology, spec);
  const claimed = await writeUnlessTaken(account, key, us(), expected);
  if (claimed === undefined) return undefined;
  const end = await work();
  const written = await writeUnlessTaken(account, key, { ...us(), end }, claimed);
  return written === undefined ? undefined : end;
}

async function writeUnlessTaken(
  account: JetStreamWriter,
  key: string,
  claim: WindowClaim,
  expected: number,
): Promise<number | undefined> {
  try {
    return await writeKey(account, STATE_BUCKET, key, claim, expected);
  } catch (error) {
    if (error instanceof OpsError && error.code === 'state-conflict') return undefined;
    throw error;
  }
}

/** Ends a window that was found open: by the guardian's hand where it is at work, else by ours. */
export async function endFoundWindow(
  account: JetStreamWriter,
  topology: string,
  spec: WindowSpec,
  work: () => Promise<WindowEnd>,
): Promise<WindowEnd> {
  const key = claimKey(topology, spec);
  const begun = performance.now();
  for (;;) {
    const claim = await readKey<WindowClaim>(account, STATE_BUCKET, key);
    if (claim?.value.end) return claim.value.end;
    const waited = performance.now() - begun;
    const mayTake = claim ? isDead(claim.value) || waited > ABANDONED_MS : waited > GUARDIAN_FIRST_MS;
    const end = mayTake ? await claimAndEnd(account, topology, spec, work, claim?.revision ?? 0) : undefined;
    if (end) return end;
    await delay(POLL_MS);
  }
}

function isDead({ host, pid }: WindowClaim): boolean {
  if (host !== hostname()) return false;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
