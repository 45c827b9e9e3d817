import { hostname, userInfo } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf, OpsError } from '@aa-ops/topology';
import type { LeaseRecord, StateStore } from './stateStore.ts';

/** ms between two renewals by the holder. */
const RENEW_MS = 2_000;
/** ms of the observer's own clock without a renewal after which a holder is dead. */
const DEAD_MS = 10_000;
/** ms after its last renewal from which a holder no longer trusts it: well before anybody may take it. */
const TRUST_MS = 7_000;

export const operatorName = (): string => {
  try {
    return userInfo().username;
  } catch {
    return 'unknown'; // a container's user may have no name
  }
};

/** One operator at a time. Held by renewing it; whoever holds it checks before each effect. */
export interface Lease {
  /** Throws OpsError `lease-lost` where another process has taken over. */
  assertHeld(): Promise<void>;
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
    host: hostname(),
    pid: process.pid,
    command,
    since: new Date().toISOString(),
  };
  let seen: { revision: number; at: number } | undefined;
  for (;;) {
    const standing = await store.lease();
    const holder = standing?.value ?? undefined;
    const revision = standing?.revision ?? 0;
    if (seen?.revision !== revision) seen = { revision, at: performance.now() };
    const dead = holder && (isOurDeadProcess(holder) || performance.now() - seen.at > DEAD_MS);
    if (!holder || dead) {
      const taken = await tryTake(store, record, revision);
      if (taken !== undefined) return holdLease(store, record, taken);
      continue;
    }
    // A holder that renews before our eyes is alive: no reason to wait any longer.
    if (await renewedSince(store, revision, signal)) throw locked(holder);
  }
}

/** A process of this machine that is gone need not be waited for. */
function isOurDeadProcess(holder: LeaseRecord): boolean {
  if (holder.host !== hostname()) return false;
  try {
    process.kill(holder.pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
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

const isConflict = (error: unknown): boolean => error instanceof OpsError && error.code === 'state-conflict';

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

function holdLease(store: StateStore, record: LeaseRecord, first: number): Lease {
  let revision = first;
  let renewedAt = performance.now();
  let lost: string | undefined;
  let renewing: Promise<void> | undefined;
  const write = async (): Promise<void> => {
    revision = await store.writeLease(record, revision);
    renewedAt = performance.now();
  };
  /** A renewal whose answer went missing may be stored all the same: what stands then is ours, with another revision. */
  const writeOver = async (conflict: unknown): Promise<void> => {
    if (!isConflict(conflict)) return; // not answered: the next renewal or the next effect tries again
    const standing = await store.lease();
    if (standing?.value?.token !== record.token) lost = messageOf(conflict);
    else {
      revision = standing.revision;
      await write();
    }
  };
  const renew = (): Promise<void> => {
    renewing ??= write()
      .catch(writeOver)
      .catch(() => {}) // unreachable: nothing is known, until the trust in the last renewal ends
      .finally(() => {
        renewing = undefined;
      });
    return renewing;
  };
  const timer = setInterval(() => void renew(), RENEW_MS);
  timer.unref();
  return {
    async assertHeld() {
      if (!lost && performance.now() - renewedAt > TRUST_MS) await renew();
      if (!lost && performance.now() - renewedAt <= TRUST_MS) return;
      throw new OpsError(
        'lease-lost',
        `another process may have taken over: ${lost ?? 'the lease could not be renewed'}`,
        {
          kind: 'partial',
          hint: 'aa-ops status shows who runs; aa-ops migrate --resume goes on',
        },
      );
    },
    async release() {
      clearInterval(timer);
      await renewing;
      if (!lost) await store.writeLease(null, revision).catch(() => {}); // not ours any more: nothing to give back
    },
  };
}
