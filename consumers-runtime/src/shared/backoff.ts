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

/** Settles as the promise does, or with undefined as soon as the signal is aborted. */
export async function unlessAborted<T>(
  promise: Promise<T> | undefined,
  signal: AbortSignal,
): Promise<T | undefined> {
  let leave = (): void => {};
  const left = new Promise<undefined>((resolve) => (leave = () => resolve(undefined)));
  signal.addEventListener('abort', leave, { once: true });
  if (signal.aborted) leave();
  try {
    return await Promise.race([promise, left]);
  } finally {
    signal.removeEventListener('abort', leave);
  }
}
