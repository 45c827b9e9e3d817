import { userInfo } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { OpsError } from '@aa-ops/topology';
import { type HeldKey, type HeldKeyOptions, holdKey, isConflict } from './heldKey.ts';
import { thisMoment } from './moment.ts';
import { isGone, thisProcess } from './processIdentity.ts';
import type { LeaseRecord, StateStore } from './stateStore.ts';

/** ms between two renewals by the holder. */
const RENEW_MS = 2_000;
/** ms of the observer's own clock without a renewal after which a holder is dead. */
const DEAD_MS = 10_000;
/** ms after it asked for its last renewal from which a holder no longer trusts it: well before anybody may take it. */
const TRUST_MS = 7_000;

export const operatorName = (): string => {
  try {
    return userInfo().username;
  } catch {
    return 'unknown'; // a container's user may have no name
  }
};

/**
 * One operator at a time. Held by renewing it; whoever holds it checks before each effect and each write of the state. OpsError `lease-lost` where another
 * process has taken over.
 */
export interface Lease extends Omit<HeldKey, 'end'> {
  release(): Promise<void>;
}

/**
 * Takes the lease, or waits up to ten seconds of our own clock to see whether its holder still lives. OpsError `locked`
 * names who holds it and since when.
 */
export async function takeLease(store: StateStore, command: string, signal: AbortSignal): Promise<Lease> {
  const record: LeaseRecord = {
    token: `${process.pid}-${Math.random().toString(36).slice(2)}`,
    operator: operatorName(),
    ...thisProcess(),
    command,
    since: new Date().toISOString(),
  };
  let seen: { revision: number; at: number } | undefined;
  for (;;) {
    const standing = await store.lease();
    const holder = standing?.value ?? undefined;
    const revision = standing?.revision ?? 0;
    if (seen?.revision !== revision) seen = { revision, at: performance.now() };
    const dead = holder && (isGone(holder) || performance.now() - seen.at > DEAD_MS);
    if (!holder || dead) {
      const asked = thisMoment();
      const taken = await tryTake(store, record, revision);
      if (taken !== undefined) return holdLease(store, record, { revision: taken, asked });
      continue;
    }
    // A holder that renews before our eyes is alive: no reason to wait any longer.
    if (await renewedSince(store, revision, signal)) throw locked(holder);
  }
}

async function renewedSince(store: StateStore, revision: number, signal: AbortSignal): Promise<boolean> {
  await delay(250, undefined, { signal });
  const standing = await store.lease();
  return standing !== undefined && standing.value !== null && standing.revision !== revision;
}

async function tryTake(
  store: StateStore,
  record: LeaseRecord,
  revision: number,
): Promise<number | undefined> {
  try {
    return await store.writeLease(record, revision);
  } catch (error) {
    if (isConflict(error)) return undefined;
    throw error;
  }
}

const locked = (holder: LeaseRecord): OpsError =>
  new OpsError(
    'locked',
    `${holder.operator}@${holder.host} (pid ${holder.pid}) runs "${holder.command}" since ${holder.since}`,
    {
      kind: 'locked',
      hint: 'wait for it to end; aa-ops status shows how far it is',
      details: { ...holder },
    },
  );

export const leaseLost = (reason: string): OpsError =>
  new OpsError('lease-lost', `another process may have taken over: ${reason}`, {
    kind: 'partial',
    hint: 'nothing was stored or taken back since; aa-ops status shows who runs; aa-ops migrate --resume goes on',
  });

function holdLease(store: StateStore, record: LeaseRecord, first: HeldKeyOptions['first']): Lease {
  const { end, ...held } = holdKey({
    write: (expected) => store.writeLease(record, expected),
    read: () => store.lease(),
    isOurs: (value) => (value as LeaseRecord | null)?.token === record.token,
    first,
    renewMs: RENEW_MS,
    trustMs: TRUST_MS,
    lostError: leaseLost,
  });
  return {
    ...held,
    async release() {
      const revision = await end();
      if (revision !== undefined) await store.writeLease(null, revision).catch(() => {}); // not ours any more: nothing to give back
    },
  };
}
