import { type Finding, OpsError } from '@aa-ops/topology';
import type { RunContext } from '../context.ts';

/** Warns of what is only to be known or was overridden; refuses, with everything at once, where anything is left. */
export function settleFindings(context: RunContext, findings: readonly Finding[]): string {
  const { leaveReaders, orphanSubjects } = context.run.options;
  const overridden = (finding: Finding): boolean =>
    (finding.override === 'leave-readers' && leaveReaders) ||
    (finding.override === 'orphan-subjects' && orphanSubjects);
  const refusals = findings.filter((finding) => finding.severity === 'refuse' && !overridden(finding));
  for (const finding of findings) {
    if (refusals.includes(finding)) continue;
    context.host.notify({
      level: 'warn',
      code: finding.code,
      message: finding.message,
      data: { hint: finding.hint },
    });
  }
  if (refusals.length > 0) throw refusal(refusals);
  return findings.length > 0 ? `${findings.length} warnings` : '';
}

function refusal(findings: Finding[]): OpsError {
  const [first] = findings as [Finding];
  const more = findings.length > 1 ? ` (and ${findings.length - 1} more)` : '';
  return new OpsError(first.code, `${first.message}${more}`, {
    kind: 'refused',
    hint: first.hint,
    details: { findings },
  });
}
