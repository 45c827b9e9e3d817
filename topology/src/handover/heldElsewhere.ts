import { OpsError } from '../errors.ts';
import type { StreamConfig } from '../jetstream/index.ts';
import { realSubjects } from '../model.ts';
import { overlaps } from '../subjects/algebra.ts';

/** A subject that a stream is to hear, and a stream that has no part in the handover and hears it, or some of it: the server answers 10065. */
export interface HeldElsewhere {
  stream: string;
  subject: string;
  heldBy: string;
  heldSubject: string;
}

/** Every such subject. `others`: streams that keep what they hear. */
export function findHeldElsewhere(
  wanted: readonly { stream: string; subjects: readonly string[] }[],
  others: readonly Pick<StreamConfig, 'name' | 'subjects'>[],
): HeldElsewhere[] {
  return others.flatMap(({ name: heldBy, subjects: heard }) =>
    realSubjects(heard).flatMap((heldSubject) =>
      wanted.flatMap(({ stream, subjects }) =>
        realSubjects(subjects)
          .filter((subject) => stream !== heldBy && overlaps(subject, heldSubject))
          .map((subject) => ({ stream, subject, heldBy, heldSubject })),
      ),
    ),
  );
}

export const heldElsewhere = ({ stream, subject, heldBy, heldSubject }: HeldElsewhere): OpsError =>
  new OpsError('subjects-overlap', `${stream} should hear ${subject}, but ${heldBy} hears ${heldSubject}`, {
    kind: 'refused',
    hint: `take ${heldSubject} from ${heldBy}, or declare that stream in the topology`,
    details: { stream, subject, heldBy, heldSubject },
  });
