import { vi } from 'vitest';
import type { Traffic } from '../../cli/src/traffic/index.ts';

/** Waits until so many more publishes of the traffic have been acked. By no `expect`: tests that run side by side have none in common. */
export async function untilAcked(traffic: Traffic, count: number): Promise<void> {
  const goal = traffic.counts().acked + count;
  await vi.waitUntil(() => traffic.counts().acked >= goal, { timeout: 30_000, interval: 10 });
}
