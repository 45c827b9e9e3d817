import { setTimeout as delay } from 'node:timers/promises';
import {
  type AssertOurs,
  type JetStreamWriter,
  type KeyValueEntry,
  OpsError,
  readKey,
  STATE_BUCKET,
  type WindowEnd,
  type WindowSpec,
  writeKey,
} from '@aa-ops/topology';
import { holdKey, isConflict } from './heldKey.ts';
import { thisMoment } from './moment.ts';
import { isGone, type ProcessIdentity, thisProcess } from './processIdentity.ts';

/**
 * Who ends a window whose process died or stands still: one process only, since two would let go of the same held publishes. The guardian claims it
 * once its parent is gone; whoever resumes waits for it, or takes over from a dead one. A parent that was away for too long has to claim it itself.
 */
interface WindowClaim extends ProcessIdentity {
  token: string;
  at: string;
  /** Of the process that began the window. It holds the lease meanwhile: whoever holds that knows that it is over. */
  parent?: 'in-window' | 'letting-go';
  /** Present when the window is over. */
  end?: WindowEnd;
}

/** ms that a guardian has to claim before somebody else does: it has held publishes that only it can answer. */
const GUARDIAN_FIRST_MS = 300;
/** ms without a renewal after which a claim of another machine that shows no end may be taken over, and when its holder no longer trusts it. */
const ABANDONED_MS = 8_000;
const TRUST_MS = 5_000;
const RENEW_MS = 2_000;
const POLL_MS = 20;

const claimKey = (topology: string, { run, group, attempt }: WindowSpec): string =>
  `${topology}.window.${run}.${group}.${attempt}`;

const token = `${process.pid}-${Math.random().toString(36).slice(2)}`;
const us = (): WindowClaim => ({ token, ...thisProcess(), at: new Date().toISOString() });

export const windowElsewhere = (spec: WindowSpec): OpsError =>
  new OpsError('window-elsewhere', `another process ends the window on ${spec.moved.join(', ')}`, {
    kind: 'partial',
    hint: 'aa-ops status shows who runs; aa-ops migrate --resume goes on',
  });

type Work = (assertOurs: AssertOurs) => Promise<WindowEnd>;

const readClaim = (
  account: JetStreamWriter,
  topology: string,
  spec: WindowSpec,
): Promise<KeyValueEntry<WindowClaim> | undefined> =>
  readKey<WindowClaim>(account, STATE_BUCKET, claimKey(topology, spec));

/** Claims a window and ends it with `work`, unless somebody else has, or takes over meanwhile; undefined then. The claim is renewed until then. */
async function claimAndEnd(
  account: JetStreamWriter,
  topology: string,
  spec: WindowSpec,
  work: Work,
  expected = 0,
): Promise<WindowEnd | undefined> {
  const key = claimKey(topology, spec);
  const asked = thisMoment();
  const revision = await writeUnlessTaken(account, key, us(), expected);
  if (revision === undefined) return undefined;
  const held = holdKey({
    write: (last) => writeKey(account, STATE_BUCKET, key, us(), last),
    read: () => readClaim(account, topology, spec),
    isOurs: (value) => (value as WindowClaim).token === token,
    first: { revision, asked },
    renewMs: RENEW_MS,
    trustMs: TRUST_MS,
    lostError: () => windowElsewhere(spec),
    awayError: () => windowElsewhere(spec), // it may be by now
  });
  let last: number | undefined;
  try {
    const end = await work(() => held.assertHeld());
    last = await held.end();
    if (last === undefined) return undefined;
    return (await writeUnlessTaken(account, key, { ...us(), end }, last)) === undefined ? undefined : end;
  } catch (error) {
    if (error instanceof OpsError && error.code === 'window-elsewhere') return undefined;
    throw error;
  } finally {
    if (last === undefined) await held.end();
  }
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
    if (isConflict(error)) return undefined;
    throw error;
  }
}

/** The guardian's part: it claims what nobody has, or its parent; not what that one is letting go, unless it `isDead`. */
export async function endForParent(
  account: JetStreamWriter,
  topology: string,
  spec: WindowSpec,
  isDead: boolean,
  work: Work,
): Promise<WindowEnd | undefined> {
  const claim = await readClaim(account, topology, spec);
  const mayTake = !claim || claim.value.parent === 'in-window' || (isDead && claim.value.parent);
  if (!mayTake || claim?.value.end) return undefined;
  return claimAndEnd(account, topology, spec, work, claim?.revision ?? 0);
}

/** The parent's part, where it was away for so long that the guardian may have claimed: OpsError `window-elsewhere` if it has. */
export async function claimAsParent(
  account: JetStreamWriter,
  topology: string,
  spec: WindowSpec,
  parent: 'in-window' | 'letting-go',
): Promise<void> {
  const standing = await readClaim(account, topology, spec);
  const isOurs = !standing || standing.value.token === token;
  const claim = { ...us(), parent };
  const key = claimKey(topology, spec);
  if (!isOurs || !(await writeUnlessTaken(account, key, claim, standing?.revision ?? 0)))
    throw windowElsewhere(spec);
}

/** Waits for the end of a window that another process has claimed; undefined where none has, or that one ends nothing. */
export async function awaitEnd(
  account: JetStreamWriter,
  topology: string,
  spec: WindowSpec,
): Promise<WindowEnd | undefined> {
  const silent = silence();
  for (;;) {
    const claim = await readClaim(account, topology, spec);
    if (!claim || claim.value.end) return claim?.value.end;
    if (claim.value.token === token || silent(claim.revision) > ABANDONED_MS) return undefined;
    await delay(POLL_MS);
  }
}

/** For how long a revision has stood before our eyes, ms of our own clock. */
function silence(): (revision: number) => number {
  let seen: { revision: number; at: number } | undefined;
  return (revision) => {
    if (seen?.revision !== revision) seen = { revision, at: performance.now() };
    return performance.now() - seen.at;
  };
}

/** Ends a window that was found open, by who holds the lease: by the guardian's hand where it is at work, else by ours. */
export async function endFoundWindow(
  account: JetStreamWriter,
  topology: string,
  spec: WindowSpec,
  work: Work,
): Promise<WindowEnd> {
  const begun = performance.now();
  const silent = silence();
  for (;;) {
    const claim = await readClaim(account, topology, spec);
    if (claim?.value.end) return claim.value.end;
    const isFree = !claim || claim.value.parent !== undefined;
    const mayTake = isFree
      ? performance.now() - begun > GUARDIAN_FIRST_MS
      : isGone(claim.value) || silent(claim.revision) > ABANDONED_MS;
    const end = mayTake ? await claimAndEnd(account, topology, spec, work, claim?.revision ?? 0) : undefined;
    if (end) return end;
    await delay(POLL_MS);
  }
}
