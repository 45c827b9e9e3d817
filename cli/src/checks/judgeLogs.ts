import { formatAmount } from '../render/numbers.ts';
import { type Check, type CheckContext, type Finding, green, red, skipped, yellow } from './check.ts';
import { type ExpectedBinding, expectedBinding, HRV_SUBJECT } from './expected.ts';
import type { PodLog } from './podLogs.ts';
import { withoutPods } from './pods.ts';
import { untilNotRed } from './runChecks.ts';

/** One finding for all logs: red where any is, with what is wrong, else yellow, else green. */
export function judgeEach(
  logs: readonly PodLog[],
  judge: (log: PodLog) => Finding | undefined,
  allGreen: string,
): Finding {
  if (logs.length === 0) return red('no pod has a log', 'aa-ops verify, once pods run');
  const bad = logs.flatMap((log) => {
    const finding = judge(log);
    return finding ? [{ ...finding, evidence: `${log.pod}: ${finding.evidence}` }] : [];
  });
  if (bad.length === 0) return green(`${allGreen} (${formatAmount(logs.length, 'pod')})`);
  const worst = bad.find(({ level }) => level === 'red') ?? bad[0]!;
  return { ...worst, evidence: bad.map(({ evidence }) => evidence).join('; ') };
}

/** A line that should be there is not. */
export const notFound = (log: PodLog, what: string): Finding =>
  log.isCut
    ? yellow(`its log is too long to show ${what}`, 'restart it, or look at the start of its log')
    : red(`its log does not say ${what}`, 'look at its log: did it start?');

/** A check of what the pods of a role say about the HRV durable. */
export const bindingLogCheck = (
  fields: Pick<Check, 'id' | 'title' | 'runbook'>,
  look: (context: CheckContext, binding: ExpectedBinding) => Promise<Finding>,
): Check => ({
  ...fields,
  async run(context) {
    const binding = expectedBinding(context.topology, context.mode);
    if (!binding) return skipped(`no durable of mode ${context.mode} hears ${HRV_SUBJECT}`);
    return withoutPods(context, 'consumer') ?? untilNotRed(context, () => look(context, binding));
  },
});
