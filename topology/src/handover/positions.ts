import type { ConsumerConfig, ConsumerInfo } from '../jetstream/index.ts';
import { intersectSets } from '../subjects/sets.ts';
import { WORKED_KEY } from './names.ts';
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
 * worked nothing yet; what lies before the sequence that it was made for was never its own, nor what a queue has still to be rid of.
 */
export function firstUnacked(info: ConsumerInfo): number {
  const settled = info.config.ack_policy === 'none' || info.num_ack_pending === 0;
  const next = (settled ? info.delivered.stream_seq : info.ack_floor.stream_seq) + 1;
  const { deliver_policy, opt_start_seq = 1 } = info.config;
  const worked = workedElsewhere(info.config).map(({ belowSeq }) => belowSeq);
  return Math.max(
    next,
    deliver_policy === 'by_start_sequence' ? opt_start_seq : 1,
    worked.length > 0 ? Math.min(...worked) : 1,
  );
}

/** What lies below a sequence on a filter has been worked on another stream. */
export interface Worked {
  filter: string;
  belowSeq: number;
}

/** What a run has written down for a durable of a work queue, which cannot be made at a place (10101). */
export const workedElsewhere = ({ metadata }: Pick<ConsumerConfig, 'metadata'>): Worked[] =>
  (JSON.parse(metadata?.[WORKED_KEY] ?? '[]') as [string, number][]).map(([filter, belowSeq]) => ({
    filter,
    belowSeq,
  }));

export const writeWorked = (worked: readonly Worked[]): Record<string, string> => ({
  [WORKED_KEY]: JSON.stringify(worked.map(({ filter, belowSeq }) => [filter, belowSeq])),
});

/** Which of some subjects a durable reads. */
export const readsOf = (info: ConsumerInfo, filters: readonly string[]): string[] =>
  intersectSets(filtersOf(info.config), filters);
