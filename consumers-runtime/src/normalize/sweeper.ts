import { pause } from '../shared/backoff.ts';
import { type Log, messageOf } from '../shared/log.ts';

export interface SweeperOptions {
  /** 0: never. */
  intervalMs: number;
  /** Whether both servers are there. */
  canSweep(): boolean;
  /** One sweep; resolves with the number of letters stored. */
  sweep(): Promise<number>;
  log: Log;
  signal: AbortSignal;
}

/** Sweeps now and then until the signal is aborted; a sweep that fails is left to the next one. */
export async function sweepRegularly({
  intervalMs,
  canSweep,
  sweep,
  log,
  signal,
}: SweeperOptions): Promise<void> {
  if (intervalMs === 0) return;
  while (!signal.aborted) {
    // Pods that were started together should not all come at once.
    await pause(intervalMs * (0.5 + Math.random()), signal);
    if (signal.aborted || !canSweep()) continue;
    try {
      const stored = await sweep();
      if (stored > 0)
        log.warn(`[normalize-hrv] Sweeper: ${stored} messages that died silently are dead letters now`);
    } catch (error) {
      log.warn(`[normalize-hrv] Sweeper: ${messageOf(error)}`);
    }
  }
}
