import { setTimeout as pause } from 'node:timers/promises';

/** ms behind its time after which a publisher lets the missed ones go instead of sending them in a burst. */
const FORGIVEN_MS = 1_000;

/** Waits until the next message is due: steady at a rate, and after a stop it catches up a second at most. */
export interface Pace {
  next(signal: AbortSignal): Promise<void>;
}

/** Without a rate nothing is waited for. */
export function openPace(ratePerSecond: number | undefined): Pace {
  if (ratePerSecond === undefined) return { next: async () => {} };
  const interval = 1_000 / ratePerSecond;
  // A start at a random part of the first interval keeps publishers of one rate from beating together.
  let due = performance.now() + Math.random() * interval;
  return {
    async next(signal) {
      const early = due - performance.now();
      if (early < -FORGIVEN_MS) due = performance.now();
      due += interval;
      if (early >= 1) await pause(early, undefined, { signal }).catch(() => {});
    },
  };
}
