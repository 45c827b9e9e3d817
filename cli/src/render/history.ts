import { clean } from './clean.ts';
import type { RunDocument } from '../saga/runDocument.ts';
import type { JournalEntry } from '../saga/stateStore.ts';

/** The runs, the newest last. */
export function renderHistory(runs: readonly RunDocument[]): string {
  if (runs.length === 0) return 'no run yet';
  return runs
    .map((run) => {
      const steps = run.steps.filter(({ status }) => status !== 'pending').length;
      const ended = run.endedAt ?? `open, ${steps} of ${run.steps.length} steps`;
      return `${run.id}  ${run.command.padEnd(8)} ${run.from} -> ${run.to}  ${run.status.padEnd(11)} ${run.operator}  ${run.startedAt} to ${ended}${run.reason ? `\n    ${run.reason}` : ''}`;
    })
    .join('\n');
}

/** Characters of an effect's data that are shown to people; JSON has all of it. */
const SHOWN = 500;

/** One run's journal, an entry a line, what is known of the effect below it. */
export const renderJournal = (run: RunDocument, journal: readonly JournalEntry[]): string =>
  [
    renderHistory([run]),
    ...journal.flatMap(({ n, at, effect, phase, data }) => [
      `${String(n).padStart(4)}  ${at}  ${phase.padEnd(7)} ${effect}`,
      ...dataLine(data),
    ]),
  ].join('\n');

function dataLine(data: unknown): string[] {
  const text = clean(JSON.stringify(data) ?? '');
  if (['', 'null', '{}', '[]'].includes(text)) return [];
  const more = text.length > SHOWN ? `… (${text.length} characters, all with --output json)` : '';
  return [`      ${text.slice(0, SHOWN)}${more}`];
}
