import type { StreamConfig } from '../../jetstream/index.ts';
import { findHeldElsewhere } from '../heldElsewhere.ts';
import type { HandoverGroup, Ownership } from '../types.ts';
import type { Finding } from './finding.ts';

/**
 * Subjects that streams of the handover are to hear, and that a stream which the topology does not name hears: the take would be refused. `modes`: what
 * they hear in the end, and what a rollback gives back. `foreign` streams are never changed.
 */
export function checkOverlaps(
  groups: readonly Pick<HandoverGroup, 'streams'>[],
  modes: readonly Ownership[],
  foreign: readonly Pick<StreamConfig, 'name' | 'subjects'>[],
): Finding[] {
  const streams = [...new Set(groups.flatMap((group) => group.streams.map(({ stream }) => stream)))];
  const wanted = modes.flatMap((mode) => streams.map((stream) => ({ stream, subjects: mode[stream] ?? [] })));
  return findHeldElsewhere(wanted, foreign).map(({ stream, subject, heldBy, heldSubject }) => ({
    code: 'subjects-overlap',
    severity: 'refuse',
    message: `${stream} should hear ${subject}, but ${heldBy} hears ${heldSubject}`,
    hint: `take ${heldSubject} from ${heldBy}, or declare that stream in the topology`,
    details: { stream, subject, heldBy, heldSubject },
  }));
}
