import { userInfo } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { DEFAULT_PATIENCE_MS, type Host, messageOf, type Notice, OpsError } from '@aa-ops/topology';
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
 * process has taken over, `state-away` where no server stored a renewal for 30 s.
 */
export interface Lease extends Omit<HeldKey, 'end'> {
  release(): Promise<void>;
}

export interface LeaseContext {
  host: Host;
  signal: AbortSignal;
}

/**
 * Takes the lease, or waits up to ten seconds of our own clock to see whether its holder still lives. OpsError `locked`
 * names who holds it and since when.
 */
export async function takeLease(
  store: StateStore,
  command: string,
  { host, signal }: LeaseContext,
): Promise<Lease> {
  const record: LeaseRecord = {
    token: `${process.pid}-${Math.random().toString(36).slice(2)}`,
    operator: operatorName(),
    ...thisProcess(),
    command,
    since: new Date().toISOString(),
  };
  let seen: { revision: number; at: number } | undefined;
  let isTold = false;
  for (;;) {
    const standing = await store.lease();
    const holder = standing?.value ?? undefined;
    const revision = standing?.revision ?? 0;
    if (seen?.revision !== revision) seen = { revision, at: performance.now() };
    const dead = holder && (isGone(holder) || performance.now() - seen.at > DEAD_MS);
    if (!holder || dead) {
      const asked = thisMoment();
      const taken = await tryTake(store, record, revision);
      if (taken !== undefined) return holdLease(store, record, { revision: taken, asked }, host);
      continue;
    }
    // A holder that renews before our eyes is alive: no reason to wait any longer.
    if (await renewedSince(store, revision, signal)) throw locked(holder);
    if (!isTold) host.notify(watching(holder));
    isTold = true;
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

const watching = (holder: LeaseRecord): Notice => ({
  level: 'info',
  code: 'lease-watched',
  message: `${locked(holder).message}; looking for up to ${DEAD_MS / 1_000} s whether it still does`,
  data: { ...holder },
});

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

const seconds = (ms: number): string => `${Math.round(ms / 1_000)} s`;

const stateAway = (ms: number, last: unknown): OpsError =>
  new OpsError('state-away', `the state could not be stored for ${seconds(ms)}: ${messageOf(last)}`, {
    kind: 'partial',
    hint: 'nothing was stored or taken back since; once the server answers, aa-ops status shows what is open, aa-ops migrate --resume goes on',
  });

function holdLease(
  store: StateStore,
  record: LeaseRecord,
  first: HeldKeyOptions['first'],
  host: Host,
): Lease {
  const { end, ...held } = holdKey({
    write: (expected) => store.writeLease(record, expected),
    read: () => store.lease(),
    isOurs: (value) => (value as LeaseRecord | null)?.token === record.token,
    first,
    renewMs: RENEW_MS,
    trustMs: TRUST_MS,
    lostError: leaseLost,
    awayError: stateAway,
    onAway: (last) =>
      host.notify({
        level: 'warn',
        code: 'state-away',
        message: `the state cannot be stored, waiting for up to ${seconds(DEFAULT_PATIENCE_MS)}: ${messageOf(last)}`,
      }),
    onBack: (ms) =>
      host.notify({
        level: 'info',
        code: 'state-back',
        message: `the state is stored again, after ${seconds(ms)}`,
      }),
  });
  return {
    ...held,
    async release() {
      const revision = await end();
      if (revision !== undefined) await store.writeLease(null, revision).catch(() => {}); // not ours any more: nothing to give back
    },
  };
}
