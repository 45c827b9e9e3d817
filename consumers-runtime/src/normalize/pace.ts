/** How much work the database gets at once. */
export interface Pace {
  /** Rows of the next statement at most. */
  readonly batch: () => number;
  /** Statements at the same time. */
  readonly lanes: () => number;
  /** Tells how long a statement of so many rows took, ms. */
  record(rows: number, ms: number): void;
}

/** Slower than this, statements wait for each other or for the disk: one less at a time. A healthy one takes 10-20 ms. */
const SLOW_MS = 500;
/** A statement must stay well below its timeout (10 s with an ack wait of 30 s). */
const TOO_SLOW_MS = 4_000;
const MIN_BATCH = 100;

/**
 * Full batches on all connections while statements are quick. A slow one takes a connection out of use; only one that is
 * too slow makes the next ones smaller, since a slow disk costs the same for 16 rows as for 1,000. Quick ones let both
 * grow back.
 */
export function createPace(maxBatch: number, maxLanes: number): Pace {
  let batch = maxBatch;
  let lanes = maxLanes;
  return {
    batch: () => batch,
    lanes: () => lanes,
    record(rows, ms) {
      if (ms > TOO_SLOW_MS) {
        const affordable = Math.floor((rows * TOO_SLOW_MS) / ms);
        batch = Math.max(Math.min(MIN_BATCH, maxBatch), Math.min(batch, affordable));
      } else batch = Math.min(maxBatch, batch + Math.max(1, batch >> 1));
      lanes = ms > SLOW_MS ? Math.max(1, lanes - 1) : Math.min(maxLanes, lanes + 1);
    },
  };
}
