import { expect } from 'vitest';
import type { Traffic } from '../../cli/src/traffic/index.ts';

/** Waits until so many more publishes of the traffic have been acked. */
export async function untilAcked(traffic: Traffic, count: number): Promise<void> {
  const goal = traffic.counts().acked + count;
  await expect
    .poll(() => traffic.counts().acked, { timeout: 30_000, interval: 10 })
    .toBeGreaterThanOrEqual(goal);
}
