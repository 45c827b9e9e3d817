import { PerformanceObserver } from 'node:perf_hooks';
import v8 from 'node:v8';

/** Of both halves together, bytes. */
const YOUNG_BYTES = 8 * 1024 * 1024;

/**
 * Ends the growth of the young generation at two halves of 4 MiB. Left alone it grows to two of 16 MiB, and the pod beyond the 150 MiB that it may
 * take; smaller ones are collected so often that it costs 1 to 2 µs a message (docs/performance.md). V8 shrinks it whenever a pod was idle for
 * some seconds, so it has to be let grow again. The flag for its maximum is read only at the start of the process, and a pod is started with
 * plain `node`; this one is read at each growth.
 */
export function keepHeapSmall(): void {
  let grows = true;
  const observer = new PerformanceObserver(() => {
    const young = v8.getHeapSpaceStatistics().find((space) => space.space_name === 'new_space');
    const mayGrow = young === undefined || young.space_size < YOUNG_BYTES;
    if (mayGrow === grows) return;
    grows = mayGrow;
    v8.setFlagsFromString(`--semi-space-growth-factor=${grows ? 2 : 1}`);
  });
  observer.observe({ entryTypes: ['gc'] });
}
