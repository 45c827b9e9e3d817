import { formatCount, formatMs } from '../render/numbers.ts';
import type { Paint } from '../render/paint.ts';
import { renderFields, renderTable } from '../render/table.ts';
import type { DemoReport } from './report.ts';

const right = 'right' as const;

/** The ledger for people. */
export function renderReport(report: DemoReport, paint: Paint): string {
  const { rows, deadLetters, outOfOrder, verified } = report;
  const letters = Object.entries(deadLetters.byReason).map(([reason, count]) => `${count} ${reason}`);
  const absorbed =
    report.doubledAbsorbed > 0 ? `, ${report.doubledAbsorbed} of them made one row by the upsert` : '';
  return [
    paint.bold('The ledger'),
    '',
    publisherTable(report, paint),
    '',
    renderFields(
      [
        ['Sent', formatCount(report.sent)],
        ['Acked', formatCount(report.acked)],
        [
          'Rows',
          `${formatCount(rows.present)} of ${formatCount(rows.expected)} expected (user and day), each with its newest value`,
        ],
        [
          'Dead letters',
          `${deadLetters.total}${letters.length > 0 ? ` (${letters.join(', ')})` : ''}; ${deadLetters.brokenOnPurpose} events were sent broken on purpose`,
        ],
        ['Lost', `${report.lost} (acked and then gone)`],
        ['Doubled', `${report.doubled}${absorbed}`],
        ['Out of order', `${outOfOrder.waiting} waiting, ${outOfOrder.pipelined} pipelined`],
        ['Refused', String(report.refused)],
        ['Unaccounted', String(report.unaccounted)],
        [
          'Longest wait',
          `${formatMs(report.longestWaitMs)} for one ack (p99 ${formatMs(report.latencyMs.p99)})`,
        ],
        ['Rollback', report.rollbackMs === null ? 'none' : formatMs(report.rollbackMs)],
        ...verified.map(({ mode, green, checks }): [string, string] => [
          `Verified ${mode}`,
          `${green} of ${checks.length} checks green`,
        ]),
        ['Data', report.data],
      ],
      paint,
    ),
    '',
    handoverTable(report, paint),
    '',
    ...verified.flatMap(({ mode, checks }) =>
      checks
        .filter(({ level }) => level === 'yellow')
        .map(({ title, evidence }) => paint.yellow(`! ${mode}: ${title}: ${evidence}`)),
    ),
    ...report.faults.map((fault) => paint.red(`✗ ${fault}`)),
    report.result === 'clean'
      ? paint.green(
          `clean: ${formatCount(report.acked)} acked while the bus changed hands, nothing lost, doubled, refused or unaccounted; ${report.seconds} s`,
        )
      : paint.red(`unclean after ${report.seconds} s`),
  ].join('\n');
}

function publisherTable({ publishers }: DemoReport, paint: Paint): string {
  const columns = ['Sent', 'Acked', 'Refused', 'Lost', 'Doubled', 'Out of order'];
  return renderTable(
    [{ title: 'Publisher' }, { title: 'Kind' }, ...columns.map((title) => ({ title, align: right }))],
    publishers.map((it) => [
      it.name,
      it.kind,
      formatCount(it.sent),
      formatCount(it.acked),
      it.refused + it.unanswered,
      it.lost,
      it.doubled,
      it.outOfOrder,
    ]),
    paint,
  );
}

function handoverTable({ runs }: DemoReport, paint: Paint): string {
  const rows = runs.flatMap(({ command, from, to, ms, handovers }) =>
    handovers.map((it) => [
      `${command} ${from} -> ${to} (${formatMs(ms)})`,
      `${it.from} -> ${it.to}`,
      formatMs(it.windowMs),
      it.held,
      it.republished,
      it.alreadyStored,
      formatCount(it.copied),
    ]),
  );
  const numbers = ['Window', 'Held', 'Let go', 'Stored already', 'Copied'];
  return renderTable(
    [{ title: 'Run' }, { title: 'Handover' }, ...numbers.map((title) => ({ title, align: right }))],
    rows,
    paint,
  );
}
