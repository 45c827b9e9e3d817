import type { ConsumerConfig, StreamConfig } from '../../jetstream/index.ts';
import { coversAll, intersectSets } from '../../subjects/sets.ts';
import { ownRetention } from '../names.ts';
import type { CopyRole } from '../types.ts';
import { filtersOf } from './checkReaders.ts';
import type { Finding } from './finding.ts';

type Retained = Pick<StreamConfig, 'name' | 'retention' | 'metadata' | 'num_replicas'>;

const WHAT_MOVES = 'keep these subjects where they are, or give both streams retention limits or interest';

/**
 * Which pairs of retentions a copy moves without loss, in both directions: what cannot go back does not go forward either. Streams with
 * `interest` keep everything while a handover is under way (`interestMoves`); a work queue cannot be made to (10052). What servers
 * do with each pair is in retention.int.test.ts.
 */
export function checkRetention(origin: Retained, target: Retained, interestMoves: boolean): Finding[] {
  const [from, to] = [ownRetention(origin), ownRetention(target)];
  const details = { origin: origin.name, target: target.name, from, to };
  if (to === 'workqueue')
    return [
      {
        code: 'retention-not-movable',
        severity: 'refuse',
        message: `${target.name} has retention workqueue: its durable deletes what it acks while the copy is still compared and held publishes are looked for, so a message could be stored twice and nobody would know`,
        hint: WHAT_MOVES,
        details,
      },
    ];
  if (from === 'workqueue')
    return [
      {
        code: 'retention-not-movable',
        severity: 'refuse',
        message: `${origin.name} has retention workqueue: its messages could be copied, but not handed back, since the way back would end in a work queue`,
        hint: WHAT_MOVES,
        details,
      },
    ];
  if (from === 'limits' && to === 'limits') return [];
  const { name } = from === 'interest' ? origin : target;
  const replicated = [origin, target].find(({ num_replicas = 1 }) => num_replicas > 1);
  if (replicated)
    return [
      {
        code: 'retention-not-movable',
        severity: 'refuse',
        message: `${name} has retention interest, and ${replicated.name} has ${replicated.num_replicas} replicas: it would have to keep everything for the time of the run, and a replica that hears of that late drops what the others keep`,
        hint: 'give both streams retention limits, or one replica, for the migration',
        details,
      },
    ];
  if (interestMoves) return [];
  return [
    {
      code: 'retention-not-movable',
      severity: 'refuse',
      message: `${name} has retention interest: what its consumers have taken is gone`,
      hint: WHAT_MOVES,
      details,
    },
  ];
}

/** A durable as a mode places it. */
export interface Placed {
  stream: string;
  config: Pick<ConsumerConfig, 'filter_subjects'>;
}

/**
 * A target with retention `interest` drops in the end what none of its durables reads. What was kept for a reader on the origin, or for
 * nobody in particular, would be lost there. A way back only warns: what nobody reads there was dropped there before.
 */
export function checkUnread(
  copy: CopyRole,
  origin: Retained,
  target: Retained,
  readers: { before: readonly Placed[]; after: readonly Placed[] },
  wayBack: boolean,
): Finding[] {
  if (ownRetention(target) !== 'interest') return [];
  const readOn = (placed: readonly Placed[], stream: string): string[] =>
    placed.flatMap((one) => (one.stream === stream ? filtersOf(one.config) : []));
  const kept =
    ownRetention(origin) === 'interest'
      ? intersectSets(readOn(readers.before, copy.origin), copy.filters)
      : copy.filters;
  const read = readOn(readers.after, copy.target);
  const unread = kept.filter((filter) => !coversAll(read, [filter]));
  if (unread.length === 0) return [];
  return [
    {
      code: 'interest-unread',
      severity: wayBack ? 'warn' : 'refuse',
      message: `${copy.target} has retention interest and drops what none of its durables reads: not all of ${unread.join(', ')} is read there`,
      hint: `place a durable that reads ${unread.join(', ')} on ${copy.target} in this mode, or give it retention limits`,
      details: { origin: copy.origin, target: copy.target, unread },
    },
  ];
}
