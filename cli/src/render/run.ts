import { describeProof } from '@aa-ops/topology';
import type { RunOutcome } from '../runbook/outcome.ts';
import type { HandoverJson } from '../runbook/runDocumentJson.ts';
import type { MigrationPlan } from '../runbook/steps/planMigration.ts';

const MARK = { done: '✅', already: '✓ ', skipped: '· ', failed: '❌', pending: '  ' } as const;

/** A run for people: its steps, what changed hands, and how it ended. */
export function renderRun({ json }: RunOutcome): string {
  if (json.result === 'unchanged') return `unchanged: the account is in mode ${json.to}, nothing to do`;
  return [
    `${json.command} ${json.from} -> ${json.to} (run ${json.run})`,
    '',
    ...json.steps.map(({ id, status, ms, note }) =>
      `${MARK[status]} ${id.padEnd(18)} ${`${ms} ms`.padStart(9)}  ${note ?? ''}`.trimEnd(),
    ),
    ...section('Handovers', json.handovers.map(handoverLine)),
    ...section(
      'Consumers',
      json.consumers.map(
        (c) => `${c.name}: ${c.from} (ack floor ${c.ackFloor}) -> ${c.to} from ${c.startSequence}`,
      ),
    ),
    ...section('Not as it should be', json.shortcomings),
    '',
    `${json.result}${json.pausedBefore ? `: paused before ${json.pausedBefore}` : ''}${json.error ? `: ${json.error.message}` : ''}`,
    ...(json.error?.hint ? [`hint: ${json.error.hint}`] : []),
    ...(json.next ? [`hint: ${json.next}`] : []),
    ...(json.report ? [`report: ${json.report}`] : []),
  ].join('\n');
}

function handoverLine(handover: HandoverJson): string {
  const { from, to, subjects, windowMs, held, republished, alreadyStored, proof, state } = handover;
  const what = `${from} -> ${to}: ${subjects.join(', ')}`;
  if (state !== 'settled' && state !== 'taken') return `${what} (${state})`;
  const holding = `${held} held, ${republished} let go, ${alreadyStored} stored already`;
  return `${what}; window ${windowMs} ms, ${holding}${proof ? `; ${describeProof(proof)}` : ''}`;
}

const section = (title: string, lines: string[]): string[] =>
  lines.length === 0 ? [] : ['', `${title}:`, ...lines.map((line) => `  ${line}`)];

/** What `migrate --dry-run` shows. */
export function renderMigrationPlan(from: string, to: string, plan: MigrationPlan): string {
  const copies = plan.groups.flatMap(({ copies: all, round }) => all.map((copy) => ({ ...copy, round })));
  const rounds = Math.max(...plan.groups.map(({ round }) => round));
  if (plan.groups.length === 0) return `nothing to do: no subject changes hands between ${from} and ${to}`;
  return [
    `migrate ${from} -> ${to} (dry run, nothing is changed)`,
    ...section('Creates', plan.creates),
    ...section(
      'Hands over',
      copies.map(
        (c) =>
          `${c.origin} -> ${c.target}: ${c.filters.join(', ')}, copied from sequence ${c.startSeq}${c.round > 1 ? ` (round ${c.round})` : ''}`,
      ),
    ),
    '',
    `${copies.length} handovers in ${plan.groups.length} windows${rounds > 1 ? ` of ${rounds} rounds` : ''}, about ${plan.size.messages} messages (${plan.size.bytes} bytes) to copy; ${plan.ways}`,
    ...section(
      'Stands in the way',
      plan.findings.filter((f) => f.severity === 'refuse').map((f) => `${f.message} (${f.hint})`),
    ),
    ...section(
      'To be known',
      plan.findings.filter((f) => f.severity === 'warn').map((f) => f.message),
    ),
  ].join('\n');
}
