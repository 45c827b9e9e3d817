import type { ConsumerConfig, StreamConfig } from '../../jetstream/index.ts';
import { realSubjects, RESERVED_PREFIX } from '../../model.ts';
import { covers, coversAll, intersectSets } from '../../subjects/sets.ts';
import { ownRetention } from '../names.ts';
import { isQueue } from '../queues.ts';
import type { CopyRole } from '../types.ts';
import { filtersOf } from './checkReaders.ts';
import type { Finding } from './finding.ts';

type Retained = Pick<StreamConfig, 'name' | 'retention' | 'metadata' | 'deny_purge'>;

/**
 * What whoever copies can let a stream keep while a handover is under way: `interest` by its retention, or by a durable that acks nothing, `workqueue` by pausing
 * its durables, which takes a server that can.
 */
export type Keeping = Readonly<Record<'interest' | 'workqueue', boolean>>;

const WHAT_MOVES = 'keep these subjects where they are, or give both streams retention limits or interest';

/**
 * Which pairs of retentions a copy moves without loss, in both directions: what cannot go back does not go forward either. Streams that
 * delete what was worked keep everything while a handover is under way. What servers do with each pair is in retention.int.test.ts.
 */
export function checkRetention(origin: Retained, target: Retained, keeps: Keeping): Finding[] {
  const details = {
    origin: origin.name,
    target: target.name,
    from: ownRetention(origin),
    to: ownRetention(target),
  };
  const both = [origin, target];
  const queue = both.find(isQueue);
  const interested = both.find((stream) => ownRetention(stream) === 'interest');
  const findings: Finding[] = [];
  if (queue && !keeps.workqueue)
    findings.push({
      code: 'retention-not-movable',
      severity: 'refuse',
      message: `${queue.name} has retention workqueue: this server counts a source as a reader of it for 10 s more, and lets messages go that nobody has worked`,
      hint: 'nats-server 2.14 and newer do not; or give both streams retention limits',
      details,
    });
  const kept = both.find((stream) => isQueue(stream) && stream.deny_purge);
  if (kept)
    findings.push({
      code: 'retention-not-movable',
      severity: 'refuse',
      message: `${kept.name} has retention workqueue and denyPurge: copies of what was worked could not be taken out of it, and would be worked again`,
      hint: 'take denyPurge away: a durable of a work queue begins at everything that stands (10101)',
      details,
    });
  if (interested && !keeps.interest)
    findings.push({
      code: 'retention-not-movable',
      severity: 'refuse',
      message: `${interested.name} has retention interest: what its consumers have taken is gone`,
      hint: WHAT_MOVES,
      details,
    });
  return findings;
}

/** What a person has to know of work queues that take part: `copiesMore` than what is unacked would be worked again. */
export function checkQueues(origin: Retained, target: Retained, copiesMore: boolean): Finding[] {
  const details = { origin: origin.name, target: target.name };
  const findings: Finding[] = [];
  if (isQueue(target))
    findings.push({
      code: 'queue-waits',
      severity: 'warn',
      message: `${target.name} is a work queue: its durables are paused from the step consumers to the end of verify, and nothing of it is worked meanwhile`,
      hint: 'publishers notice nothing; workers go on where they stopped',
      details,
    });
  else if (isQueue(origin))
    findings.push({
      code: 'queue-waits',
      severity: 'warn',
      message: `${origin.name} is a work queue: its durables are paused from the handover to the end of verify, and what it has worked does not come to ${target.name}`,
      hint: 'publishers notice nothing; workers have moved by then',
      details,
    });
  if (isQueue(target) && copiesMore)
    findings.push({
      code: 'copy-into-queue',
      severity: 'refuse',
      message: `${target.name} is a work queue: copies of what was worked already would be worked again`,
      hint: 'leave --copy away: what is unacked is copied',
      details,
    });
  return findings;
}

/**
 * Subjects of a work queue that none of its durables reads. nats-server takes away from a queue what a source has copied and nobody claims, and
 * from 2.14 on, with replicas, also what it has not copied: a run that is taken back could not give it back. `held`: messages per subject.
 */
export function checkClaims(
  queue: Pick<StreamConfig, 'name' | 'retention' | 'subjects'>,
  readers: readonly Pick<ConsumerConfig, 'filter_subject' | 'filter_subjects'>[],
  held: ReadonlyMap<string, number> = new Map(),
): Finding[] {
  if (!isQueue(queue)) return [];
  const read = readers.flatMap(filtersOf);
  const heard = realSubjects(queue.subjects ?? []).filter((subject) => !coversAll(read, [subject]));
  const unclaimed = [...held.keys()].filter(
    (subject) => !subject.startsWith(RESERVED_PREFIX) && !covers(read, subject),
  );
  const messages = unclaimed.reduce((sum, subject) => sum + held.get(subject)!, 0);
  if (heard.length === 0 && messages === 0) return [];
  const what = [...new Set([...heard, ...unclaimed])].slice(0, 5).join(', ');
  return [
    {
      code: 'queue-unclaimed',
      severity: 'refuse',
      message: `${queue.name} is a work queue, and no durable of it claims all of ${what} (${messages} messages): the server takes away there what is copied and nobody claims`,
      hint: `give ${queue.name} a durable for each of its subjects, or only subjects that its durables read; purge what nobody wants`,
      details: { queue: queue.name, heard, messages },
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
