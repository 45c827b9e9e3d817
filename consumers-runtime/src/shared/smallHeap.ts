import { PerformanceObserver } from 'node:perf_hooks';
import v8 from 'node:v8';

/** Of both halves of the young generation together, bytes. */
const YOUNG_BYTES = 8 * 1024 * 1024;
/** How much the old generation may grow beyond what was alive, percent, before it is collected. */
const OLD_GROWTH = 200;

/**
 * Holds the heap between too large and collected too often, from the first load on. All of these flags are read whenever V8 decides; the one for the
 * young generation's maximum is read at the start of the process only, and a pod is started with plain `node`.
 *
 * - **Young**: ends its growth at two halves of 4 MiB. Left alone it grows to two of 16 MiB, and the pod beyond the 150 MiB that it may take; smaller ones
 *   are collected so often that it costs 1 to 2 µs a message. V8 shrinks it whenever a pod was idle for some seconds, so it has to be let grow again.
 * - **Old**: a pod that was idle for some seconds is taken by V8 for one that wants little memory, and keeps its old generation at its least from then on,
 *   however busy it gets: 27 full collections for 300,000 messages instead of 10, another 1.5 µs a message (docs/performance.md).
 */
export function keepHeapSmall(): void {
  v8.setFlagsFromString(`--heap-growing-percent=${OLD_GROWTH}`);
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
