import { setTimeout as pause } from 'node:timers/promises';

/** Repeats `fact` until it holds (it does not throw), and returns what it returned; after `boundMs` its last failure is thrown. */
export async function until<T>(fact: () => Promise<T>, boundMs = 120_000): Promise<T> {
  const deadline = performance.now() + boundMs;
  for (;;) {
    try {
      return await fact();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await pause(100);
    }
  }
}
