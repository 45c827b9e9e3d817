import type { StreamConfig } from '../../jetstream/index.ts';
import type { HandoverGroup } from '../types.ts';
import type { Finding } from './finding.ts';

const refuse = (code: string, message: string, hint: string): Finding => ({
  code,
  severity: 'refuse',
  message,
  hint,
});

/** Kinds of streams that cannot go through a window without loss, be it that a copy cannot move them, or that what is held is not as they store it. */
export function checkNature({ config }: { config: StreamConfig }): Finding[] {
  const { name } = config;
  const findings: Finding[] = [];
  if (config.sealed)
    findings.push(refuse('stream-sealed', `${name} is sealed`, 'a sealed stream takes nothing any more'));
  if (config.mirror) {
    findings.push(
      refuse('stream-is-mirror', `${name} mirrors ${config.mirror.name}`, 'a mirror owns no subjects'),
    );
  }
  if (config.subject_transform) {
    findings.push(
      refuse(
        'stream-transforms',
        `${name} rewrites subjects (subjectTransform)`,
        'take the transform away for the migration',
      ),
    );
  }
  if (config.no_ack) {
    findings.push(
      refuse(
        'stream-no-ack',
        `${name} answers no publish (noAck): a handover could not tell what has reached it`,
        'set noAck to false for the migration',
      ),
    );
  }
  if (config.allow_msg_counter) {
    findings.push(
      refuse(
        'stream-counts',
        `${name} counts (allow_msg_counter): it stores sums in place of what is published, and neither a copy nor what is held would add up`,
        'keep these subjects where they are',
      ),
    );
  }
  if (config.allow_msg_schedules) {
    findings.push(
      refuse(
        'stream-schedules',
        `${name} publishes messages later (allow_msg_schedules): it goes on doing so, and on a subject that is another stream's by then they are lost`,
        'keep these subjects where they are, or hand them to a stream of a new name by your own means',
      ),
    );
  }
  return findings;
}

/** The same for streams of a group that nothing is copied from or to. */
export function checkUncopied(
  { streams, copies }: Pick<HandoverGroup, 'streams' | 'copies'>,
  infos: readonly { config: StreamConfig }[],
): Finding[] {
  const copied = copies.flatMap(({ origin, target }) => [origin, target]);
  const alone = streams.map(({ stream }) => stream).filter((name) => !copied.includes(name));
  return infos.filter(({ config }) => alone.includes(config.name)).flatMap(checkNature);
}
