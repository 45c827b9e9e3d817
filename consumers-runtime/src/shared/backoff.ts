import { setTimeout as sleep } from 'node:timers/promises';

/** A pause that doubles from `firstMs` to `maxMs`, each between half and all of it, so that pods do not march in step. */
export interface Backoff {
  /** Resolves early when the signal is aborted; never rejects. */
  pause(signal: AbortSignal): Promise<void>;
  reset(): void;
}

export function createBackoff(firstMs: number, maxMs: number): Backoff {
  let next = firstMs;
  return {
    async pause(signal) {
      const ms = next * (0.5 + Math.random() / 2);
      next = Math.min(next * 2, maxMs);
      await pause(ms, signal);
    },
    reset() {
      next = firstMs;
    },
  };
}

/** Resolves after `ms`, or as soon as the signal is aborted. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {});
}
