/** How much work the database gets at once. */
export interface Pace {
  /** Rows of the next statement at most. */
  readonly batch: () => number;
  /** Statements at the same time. */
  readonly lanes: () => number;
  /** Tells how long a statement of so many rows took, ms. */
  record(rows: number, ms: number): void;
}

/** A statement should not take longer: what waits behind it must be stored well within the ack wait. A healthy one takes 10-20 ms. */
const TARGET_MS = 500;
const MIN_BATCH = 16;

/**
 * Full batches on all connections while statements are quick. When one takes longer than the target, the next ones are as
 * much smaller and one connection fewer is used; quick ones let it grow back.
 */
export function createPace(maxBatch: number, maxLanes: number): Pace {
  let batch = maxBatch;
  let lanes = maxLanes;
  return {
    batch: () => batch,
    lanes: () => lanes,
    record(rows, ms) {
      if (ms > TARGET_MS) {
        const affordable = Math.floor((rows * TARGET_MS) / ms);
        batch = Math.max(Math.min(MIN_BATCH, maxBatch), Math.min(batch, affordable));
        lanes = Math.max(1, lanes - 1);
      } else {
        batch = Math.min(maxBatch, batch + Math.max(1, batch >> 1));
        lanes = Math.min(maxLanes, lanes + 1);
      }
    },
  };
}
