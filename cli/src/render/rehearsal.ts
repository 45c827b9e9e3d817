import type { Rehearsal, RehearsalReport } from '../rehearse/report.ts';
import { clean } from './clean.ts';
import { formatAmount, formatCount, formatMs } from './numbers.ts';
import { renderFields } from './table.ts';

/** A rehearsal for people. */
export function renderRehearsal(report: RehearsalReport): string {
  const { from, to, result, refusals, warnings, faults, rehearsal } = report;
  const list = (title: string, lines: string[]): string[] =>
    lines.length === 0 ? [] : ['', `${title}:`, ...lines.map((line) => clean(`  ${line}`))];
  return [
    clean(`rehearse ${from ?? '?'} -> ${to}: the live account was only read`),
    ...(rehearsal ? ['', renderFields(fields(rehearsal))] : []),
    ...list(
      'Stands in the way of the real one',
      refusals.map(({ message, hint }) => (hint ? `${message} (${hint})` : message)),
    ),
    ...list(
      'To be known',
      warnings.map(({ message }) => message),
    ),
    ...list('Not as it should be', faults),
    '',
    ENDS[result],
  ].join('\n');
}

const ENDS = {
  ready: 'ready: nothing stands in the way of aa-ops migrate',
  refused: 'refused: the real migration would not begin',
  unclean: 'unclean: look at it before the real one',
  unchanged: 'unchanged: no subject changes hands, there is nothing to rehearse',
} as const;

function fields(it: Rehearsal): [string, string][] {
  const { windowMs, catchUp, ledger, filled, server } = it;
  const all = (values: number[]): string => values.map((ms) => formatMs(ms)).join(', ') || '-';
  const copied = `${formatAmount(catchUp.messages, 'message')} in ${formatMs(catchUp.ms)}`;
  return [
    [
      'Server',
      `nats-server ${server.rehearsal}${server.rehearsal === server.live ? ', as live' : ` (live ${server.live})`}`,
    ],
    [
      'Filled',
      filled
        .map(({ stream, messages, live }) => `${stream} ${formatCount(messages)} (live ${formatCount(live)})`)
        .join(', '),
    ],
    [
      'Traffic',
      `${it.ratePerSecond} messages/s on each subject that moves; ${formatCount(ledger.acked)} of ${formatCount(ledger.sent)} acked`,
    ],
    [
      'Window',
      `${formatMs(windowMs.expected)} expected at most; there ${all(windowMs.there)}, back ${all(windowMs.back)}`,
    ],
    ['Held', `${formatAmount(it.held, 'publish', 'publishes')} at most in one window`],
    ['Longest wait', `${formatMs(it.longestWaitMs)} for one ack`],
    [
      'Catch-up',
      catchUp.expectedMs === null
        ? `${copied}; live ${formatCount(catchUp.liveMessages)} to copy`
        : `${copied}; ${formatMs(catchUp.expectedMs)} expected for the ${formatCount(catchUp.liveMessages)} that are live`,
    ],
    ['Migration', formatMs(it.migrationMs)],
    ['Rollback', formatMs(it.rollbackMs)],
    [
      'Lost',
      `${ledger.lost}, doubled ${ledger.doubled}, refused ${ledger.refused}, out of order ${ledger.outOfOrder.waiting} waiting, ${ledger.outOfOrder.pipelined} pipelined`,
    ],
  ];
}
