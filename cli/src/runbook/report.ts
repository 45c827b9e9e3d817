import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describeProof } from '@aa-ops/topology';
import type { RunDocument } from '../saga/runDocument.ts';
import type { RunContext } from './context.ts';
import { filtersOf, handoversOf, type WindowJson } from './runDocumentJson.ts';

/** Writes `<runs>/<id>/report.md` and answers its path; for a way back it is the incident report that the runbook asks for. */
export async function writeReport({ run, runsDir }: Pick<RunContext, 'run' | 'runsDir'>): Promise<string> {
  const dir = join(runsDir, run.id);
  await mkdir(dir, { recursive: true });
  const path = join(dir, 'report.md');
  await writeFile(path, renderReport(run));
  return path;
}

const TITLES = {
  migrate: 'Migration report',
  rollback: 'Incident report: rollback',
  replace: 'Replacement report',
  apply: 'Report: subjects heard by other filters',
} as const;

export function renderReport(run: RunDocument): string {
  const title = TITLES[run.command];
  return [
    `# ${title} ${run.from} -> ${run.to}`,
    '',
    `Run ${run.id} in ${run.environment}, by ${run.operator}, ${run.startedAt} to ${run.endedAt ?? '(open)'}: **${run.status}**.`,
    ...(run.turnsRound ? [`It turned run ${run.turnsRound} round.`] : []),
    ...(run.reason ? ['', `Reason: ${run.reason}`] : []),
    '',
    '## Steps',
    '',
    '| step | status | ms | |',
    '|---|---|---|---|',
    ...run.steps.map(
      ({ title: step, status, ms, note }) =>
        `| ${step} | ${status} | ${ms} | ${(note ?? '').replaceAll('|', '\\|')} |`,
    ),
    '',
    '## Handovers',
    '',
    ...handovers(run),
    ...(run.consumers.length > 0
      ? [
          '',
          '## Consumers',
          '',
          ...run.consumers.map(
            (c) =>
              `- ${c.name}: ${c.from} (ack floor ${c.ackFloor}) -> ${c.to}, from sequence ${c.startSequence}`,
          ),
        ]
      : []),
    ...(run.shortcomings.length > 0
      ? ['', '## What did not come out as it should', '', ...run.shortcomings.map((s) => `- ${s}`)]
      : []),
    '',
  ].join('\n');
}

function handovers(run: RunDocument): string[] {
  const windowOf = ({ state, windowMs, held, republished, alreadyStored }: WindowJson): string =>
    state === 'taken' || state === 'settled'
      ? `window ${windowMs} ms, ${held} publishes held, ${republished} let go, ${alreadyStored} stored already`
      : state;
  const lines = [
    ...handoversOf(run).map(({ from, to, subjects, round, proof, ...window }) => {
      const inRound = round > 1 ? `, round ${round}` : '';
      const compared = proof ? `, ${describeProof(proof)}` : '';
      return `- ${from} -> ${to} (${subjects.join(', ')})${inRound}: ${windowOf(window)}${compared}`;
    }),
    ...filtersOf(run).map(
      ({ stream, subjects, ...window }) =>
        `- ${stream} hears ${subjects.join(', ')} by other filters: ${windowOf(window)}`,
    ),
  ];
  return lines.length > 0 ? lines : ['No subject changed hands.'];
}
