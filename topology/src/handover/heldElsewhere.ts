import { OpsError } from '../errors.ts';
import { JetStreamError, JsError, type JetStreamReader, type StreamConfig } from '../jetstream/index.ts';
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

/**
 * The reason of a refused update, where it is a stream that has no part in the handover: trying again would change nothing. Undefined where nobody
 * else hears the subjects, so that it may have been a matter of the moment.
 */
export async function whoHolds(
  account: JetStreamReader,
  error: unknown,
  wanted: { stream: string; subjects: readonly string[] },
  ours: readonly string[],
): Promise<OpsError | undefined> {
  if (!(error instanceof JetStreamError) || error.errCode !== JsError.subjectOverlap) return undefined;
  const others = (await account.listStreams()).filter(({ config }) => !ours.includes(config.name));
  const [held] = findHeldElsewhere(
    [wanted],
    others.map(({ config }) => config),
  );
  return held && heldElsewhere(held);
}

export const isHeldElsewhere = (error: unknown): error is OpsError =>
  error instanceof OpsError && error.code === 'subjects-overlap';
