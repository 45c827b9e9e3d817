import { setTimeout as delay } from 'node:timers/promises';
import { DEFAULT_PATIENCE_MS, type KeyValueEntry, messageOf, OpsError } from '@aa-ops/topology';
import { type Moment, msSince, thisMoment } from './moment.ts';

/** A key of the state bucket that is this process's for as long as it renews it: the lease, and the claim of a window. */
export interface HeldKey {
  /**
   * Throws where another process has it, or may have. Asks the server only where the last renewal is too long ago to be trusted, and then until it
   * answers: as long as it is away nobody can take the key either. Throws once it was away for 30 s, and then at each asking that it leaves unanswered.
   */
  assertHeld(): Promise<void>;
  /** Throws as well, and asks the server in any case: for what must not come late. */
  confirm(): Promise<void>;
  /** Aborts, with the same error, as soon as a renewal finds another's value. */
  readonly lost: AbortSignal;
  /** Renews no more. Answers the revision to write upon; undefined where it was lost. */
  end(): Promise<number | undefined>;
}

export interface HeldKeyOptions {
  /** Stores our value where the revision is that one. OpsError `state-conflict` where it is another. */
  write(expected: number): Promise<number>;
  read(): Promise<KeyValueEntry<unknown> | undefined>;
  isOurs(value: unknown): boolean;
  /** The revision and the moment before it was written. */
  first: { revision: number; asked: Moment };
  renewMs: number;
  /** ms after the last renewal was asked for from which it is no longer trusted: well before anybody may take the key. */
  trustMs: number;
  lostError(reason: string): OpsError;
  /** No renewal was answered for so many ms; the last one failed with that. */
  awayError(ms: number, last: unknown): OpsError;
  /** Told when a renewal is left unanswered, and when one is answered again. */
  onAway?(last: unknown): void;
  onBack?(ms: number): void;
}

const POLL_MS = 50;

export const isConflict = (error: unknown): boolean =>
  error instanceof OpsError && error.code === 'state-conflict';

export function holdKey(options: HeldKeyOptions): HeldKey {
  const { trustMs, lostError, awayError } = options;
  let revision = options.first.revision;
  /** When the last renewal that came true was sent, not when its answer was read: this process may have slept in between. */
  let renewed = options.first.asked;
  let renewing: Promise<void> | undefined;
  /** Since when, by the running clock, and why no renewal is answered; undefined while they are. */
  let away: { since: number; last: unknown } | undefined;
  const lost = new AbortController();

  const write = async (): Promise<void> => {
    const asked = thisMoment();
    revision = await options.write(revision);
    renewed = asked;
  };
  /** A renewal whose answer went missing may be stored all the same: what stands then is ours, with another revision. */
  const writeOver = async (conflict: unknown): Promise<void> => {
    if (!isConflict(conflict)) throw conflict; // not answered: the next renewal or the next effect tries again
    const standing = await options.read();
    if (!standing || !options.isOurs(standing.value)) lost.abort(lostError(messageOf(conflict)));
    else {
      revision = standing.revision;
      await write();
    }
  };
  const renewOnce = async (): Promise<void> => {
    const begun = performance.now();
    try {
      await write().catch(writeOver);
      if (away && !lost.signal.aborted) options.onBack?.(performance.now() - away.since);
      away = undefined;
    } catch (error) {
      // Nothing is known, until the trust in the last renewal ends.
      if (!away) options.onAway?.(error);
      away = { since: away?.since ?? begun, last: error };
    }
  };
  const renew = (): Promise<void> => {
    renewing ??= renewOnce().finally(() => {
      renewing = undefined;
    });
    return renewing;
  };
  const confirm = async (): Promise<void> => {
    const begun = thisMoment();
    await renewing; // sent before: its answer tells nothing of now
    for (;;) {
      lost.signal.throwIfAborted();
      await renew();
      lost.signal.throwIfAborted();
      if (renewed.running >= begun.running) return;
      const ms = away ? performance.now() - away.since : 0;
      if (away && ms > DEFAULT_PATIENCE_MS) throw awayError(ms, away.last);
      await delay(POLL_MS);
    }
  };
  const timer = setInterval(() => void renew(), options.renewMs);
  timer.unref();
  return {
    async assertHeld() {
      lost.signal.throwIfAborted();
      if (msSince(renewed) > trustMs) await confirm();
    },
    confirm,
    lost: lost.signal,
    async end() {
      clearInterval(timer);
      await renewing;
      return lost.signal.aborted ? undefined : revision;
    },
  };
}
