import { PerformanceObserver } from 'node:perf_hooks';
import v8 from 'node:v8';

/** Of both halves together, bytes. */
const YOUNG_BYTES = 8 * 1024 * 1024;

/**
 * Ends the growth of the young generation at two halves of 4 MiB. A backlog that is read makes it grow to two of 16 MiB, which takes 40 MiB
 * more and is not faster: the server is what is waited for. The flag for its maximum is read only at the start of the process; this
 * one is read at each growth.
 */
export function keepHeapSmall(): void {
  const observer = new PerformanceObserver(() => {
    const young = v8.getHeapSpaceStatistics().find((space) => space.space_name === 'new_space');
    if (young === undefined || young.space_size < YOUNG_BYTES) return;
    v8.setFlagsFromString('--semi-space-growth-factor=1');
    observer.disconnect();
  });
  observer.observe({ entryTypes: ['gc'] });
}
