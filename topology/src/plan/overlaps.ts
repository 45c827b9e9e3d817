import type { LiveAccount } from '../live/liveAccount.ts';
import { realSubjects } from '../model.ts';
import type { Desired } from '../model.ts';
import { collisions, intersect, type Owned } from '../subjects/index.ts';
import type { Overlap } from './plan.ts';

interface Side {
  stream: string;
  desired: boolean;
  foreign: boolean;
}

/**
 * Every subject that a stream should have while another one hears it: as long as that is so, the server answers 10065.
 * By the stream that should have it.
 */
export function findOverlaps(desired: Desired, live: LiveAccount): Map<string, Overlap[]> {
  const filters: Owned<Side>[] = [];
  const add = (subjects: readonly string[] | undefined, owner: Side): void => {
    for (const subject of realSubjects(subjects)) filters.push({ subject, owner });
  };
  for (const { name, subjects } of desired.streams)
    add(subjects, { stream: name, desired: true, foreign: false });
  for (const [stream, { info }] of live.streams)
    add(info.config.subjects, { stream, desired: false, foreign: false });
  for (const { info } of live.foreign)
    add(info.config.subjects, { stream: info.config.name, desired: false, foreign: true });

  const found = new Map<string, Overlap[]>();
  for (const [one, other] of collisions(filters)) {
    const [wanted, held] = one.owner.desired ? [one, other] : [other, one];
    if (!wanted.owner.desired || held.owner.desired || wanted.owner.stream === held.owner.stream) continue;
    const list = found.get(wanted.owner.stream) ?? [];
    found.set(wanted.owner.stream, list);
    list.push({
      stream: wanted.owner.stream,
      subject: wanted.subject,
      heldBy: held.owner.stream,
      heldSubject: held.subject,
      foreign: held.owner.foreign,
    });
  }
  return found;
}

/** `sleep.* (AA_CORE_HOT hears sleep.>)`, for messages. */
export const describeOverlap = ({ subject, heldBy, heldSubject }: Overlap): string =>
  subject === heldSubject ? `${subject} (${heldBy} hears it)` : `${subject} (${heldBy} hears ${heldSubject})`;

/** The subjects that would move, as one filter each. */
export const movedSubjects = (overlaps: readonly Overlap[]): string[] => [
  ...new Set(overlaps.map(({ subject, heldSubject }) => intersect(subject, heldSubject)!)),
];
