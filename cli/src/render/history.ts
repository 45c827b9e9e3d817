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

/** One run's journal, an entry a line. */
export const renderJournal = (run: RunDocument, journal: readonly JournalEntry[]): string =>
  [
    renderHistory([run]),
    ...journal.map(
      ({ n, at, effect, phase }) => `${String(n).padStart(4)}  ${at}  ${phase.padEnd(7)} ${effect}`,
    ),
  ].join('\n');
