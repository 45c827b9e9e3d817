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
 * Only ever too early (work comes twice), never too late.
 */
export function firstUnacked(info: ConsumerInfo): number {
  const settled = info.config.ack_policy === 'none' || info.num_ack_pending === 0;
  return (settled ? info.delivered.stream_seq : info.ack_floor.stream_seq) + 1;
}

/** Which of some subjects a durable reads. */
export const readsOf = (info: ConsumerInfo, filters: readonly string[]): string[] =>
  intersectSets(filtersOf(info.config), filters);
