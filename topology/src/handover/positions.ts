import type { ConsumerInfo } from '../jetstream/index.ts';
import { intersectSets } from '../subjects/sets.ts';
import { filtersOf } from './preflight/checkReaders.ts';

/** A durable that lives on another stream afterwards. */
export interface Mover {
  name: string;
  from: ConsumerInfo;
  to: string;
}

/**
 * The origin's first sequence that a durable may not have worked. `ack_floor + 1`; but a message that used up its
 * deliveries pins the floor for ever, so with nothing pending everything delivered is done with: `delivered + 1`.
 * Only ever too early (work comes twice), never too late. A consumer whose leader has just changed may say that it has
 * worked nothing yet; what lies before the sequence that it was made for was never its own.
 */
export function firstUnacked(info: ConsumerInfo): number {
  const settled = info.config.ack_policy === 'none' || info.num_ack_pending === 0;
  const next = (settled ? info.delivered.stream_seq : info.ack_floor.stream_seq) + 1;
  return info.config.deliver_policy === 'by_start_sequence'
    ? Math.max(next, info.config.opt_start_seq ?? 1)
    : next;
}

/** Which of some subjects a durable reads. */
export const readsOf = (info: ConsumerInfo, filters: readonly string[]): string[] =>
  intersectSets(filtersOf(info.config), filters);
