/** Whether events get stored, by those that came lately. */
export interface PublishHealth {
  record(stored: boolean, why?: string): void;
  /** Why none gets stored; undefined: they do, or none came lately. */
  failing(): string | undefined;
}

/** One event that failed may be its own fault, such as one that is larger than the stream takes. */
const FAILURES = 3;
/** ms after which a failure says nothing about now any more. */
const LATELY_MS = 60_000;

/** Failing: the last three were not stored, and the last of them within a minute. */
export function createPublishHealth(): PublishHealth {
  let failures = 0;
  let lastAt = 0;
  let lastWhy = '';
  return {
    record(stored, why = '') {
      failures = stored ? 0 : failures + 1;
      lastAt = performance.now();
      lastWhy = why;
    },
    failing: () => (failures >= FAILURES && performance.now() - lastAt < LATELY_MS ? lastWhy : undefined),
  };
}
