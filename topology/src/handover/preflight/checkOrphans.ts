import { covers } from '../../subjects/sets.ts';
import type { HandoverGroup, Ownership } from '../types.ts';
import { realSubjects } from '../../model.ts';
import { origins } from '../planHandovers.ts';
import type { Finding } from './finding.ts';

/**
 * Subjects that the streams hold messages of, and that nobody owns afterwards: their publishers would get 503.
 * A way back only warns: what has no owner there had none before.
 */
export async function checkOrphans(
  group: HandoverGroup,
  to: Ownership,
  countsOf: (stream: string) => Promise<ReadonlyMap<string, number>>,
  wayBack: boolean,
): Promise<Finding[]> {
  const owned = Object.values(to).flatMap(realSubjects);
  const findings: Finding[] = [];
  for (const { stream, owned: before } of origins(group)) {
    const counts = await countsOf(stream);
    const orphans = [...counts].filter(([subject]) => covers(before, subject) && !covers(owned, subject));
    if (orphans.length === 0) continue;
    const messages = orphans.reduce((sum, [, count]) => sum + count, 0);
    const shown = orphans.slice(0, 5).map(([subject, count]) => `${subject} (${count})`);
    findings.push({
      code: 'orphan-subjects',
      severity: wayBack ? 'warn' : 'refuse',
      override: 'orphan-subjects',
      message: `${stream} holds ${messages} messages on ${orphans.length} subjects that no stream owns afterwards: ${shown.join(', ')}${orphans.length > 5 ? ', …' : ''}`,
      hint: 'give the subjects an owner in the mode, or pass --orphan-subjects; their publishers will be refused',
      details: { stream, subjects: Object.fromEntries(orphans.slice(0, 100)) },
    });
  }
  return findings;
}
