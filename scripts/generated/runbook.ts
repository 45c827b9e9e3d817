import * as checks from '../../cli/src/checks/index.ts';
import { catalog } from '../../cli/src/frame/catalog.ts';
import { STEPS } from '../../cli/src/runbook/steps/index.ts';
import type { Step } from '../../cli/src/runbook/step.ts';
import { replaceBlocks, table } from './blocks.ts';
import { handoffRows } from './handoffRows.ts';
import type { GeneratedFile } from './index.ts';
import { type Chapter, renderHere } from './rows.ts';
import { runbookRows } from './runbookRows.ts';

/** Whether the catalog has a command: `migrate`, `streams apply`. A word behind a command without subcommands is its argument. */
export function isThere(command: string): boolean {
  const [name, sub] = command.split(' ');
  const spec = catalog.find((one) => one.name === name);
  if (!spec) return false;
  return sub === undefined || !spec.commands || spec.commands.some((one) => one.name === sub);
}

const stepTable = (): string =>
  table(
    ['step', 'what it does', 'section of the runbook', 'taken back'],
    STEPS.map((step) => [`\`${step.id}\``, step.title, step.runbook, takenBack(step)]),
  );

function takenBack({ id, undo, pointOfNoReturn }: Step): string {
  if (pointOfNoReturn) return 'no: from here on forward, or a run back';
  if (undo) return 'yes';
  return id.startsWith('restart-') ? 'with `config`' : 'nothing to take back';
}

const GROUPS = [
  ['`preflight`', checks.preflightChecks],
  ['`checks`', checks.bindingChecks],
  ['`verify`', checks.ownershipChecks],
  ['`verify` of a way back', checks.rollbackChecks],
] as const;

function checkTable(): string {
  const groups = [...GROUPS.map(([, group]) => group), checks.verifyChecks];
  const all = new Map(groups.flatMap((group) => group.map((check) => [check.id, check])));
  const steps = (id: string): string =>
    GROUPS.filter(([, group]) => group.some((check) => check.id === id))
      .map(([step]) => step)
      .join(', ');
  return table(
    ['check', 'what it proves', 'steps', 'section of the runbook'],
    [...all.values()].map(({ id, title, runbook: section }) => [
      `\`${id}\``,
      title,
      steps(id) || 'none; `aa-ops verify`',
      section,
    ]),
  );
}

const chapters = (all: readonly Chapter[]): string =>
  all
    .map(
      ({ title, rows }) =>
        `### ${title}\n\n${table(
          ['there', 'here', 'what is different, and why'],
          rows.map((row) => [row.of.join(' · '), renderHere(row, isThere), row.why ?? '']),
        )}`,
    )
    .join('\n\n');

/** docs/runbook.md: the steps, the checks, and both documents line by line beside what does it here. */
export const runbook: GeneratedFile = {
  path: 'docs/runbook.md',
  make: (before) =>
    Promise.resolve(
      replaceBlocks(before, {
        steps: stepTable(),
        checks: checkTable(),
        runbook: chapters(runbookRows),
        handoff: chapters(handoffRows),
      }),
    ),
};
