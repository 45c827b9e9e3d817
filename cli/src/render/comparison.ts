import { type Comparison, describeProof } from '@aa-ops/topology';
import { clean } from './clean.ts';
import { formatCount, formatMs } from './numbers.ts';
import { renderTable } from './table.ts';

/** The document of `compare`. */
export interface ComparisonDocument {
  schemaVersion: 1;
  from: string;
  to: string;
  result: 'equal' | 'unequal';
  equal: boolean;
  /** "N messages, 0 missing, 0 doubled, order kept" */
  summary: string;
  messages: number;
  /** In FROM, not in TO. */
  missing: number;
  /** More than once in TO. */
  doubled: number;
  orderKept: boolean;
  outOfOrder: number;
  /** Subject, headers or payload differ. */
  different: number;
  /** In TO, not in FROM. */
  extra: number;
  /** Copies in TO of what FROM has lost since, to its limits. */
  gone: number;
  /** `handovers`: what runs have copied; `source`: by Nats-Stream-Source; `content`: by what the messages hold. */
  by: 'handovers' | 'source' | 'content';
  parts: Comparison['parts'];
  beyond: Comparison['beyond'];
  subjects: Comparison['subjects'];
  /** Sequences of FROM, a few, that are missing, doubled, out of order or different. */
  examples: number[];
  ms: number;
  perSecond: number;
}

export function comparisonDocument(
  comparison: Comparison,
  ofHandovers: boolean,
  ms: number,
): ComparisonDocument {
  const { from, to, equal, messages, missing, doubled, outOfOrder, different, extra, gone } = comparison;
  return {
    schemaVersion: 1,
    from,
    to,
    result: equal ? 'equal' : 'unequal',
    equal,
    summary: describeProof(comparison),
    messages,
    missing,
    doubled,
    orderKept: outOfOrder === 0,
    outOfOrder,
    different,
    extra,
    gone,
    by: ofHandovers ? 'handovers' : comparison.by,
    parts: comparison.parts,
    beyond: comparison.beyond,
    subjects: comparison.subjects,
    examples: comparison.examples,
    ms: Math.round(ms),
    perSecond: Math.round((messages / Math.max(1, ms)) * 1_000),
  };
}

/** Lines of subjects that are shown: first those that differ. */
const SHOWN = 20;

const BY = {
  handovers: 'what handovers between the two have copied',
  source: 'copies by Nats-Stream-Source',
  content: 'neither holds copies of the other: by what the messages hold',
} as const;

/** The comparison for people. */
export function renderComparison(document: ComparisonDocument): string {
  const { from, to, equal, summary, subjects, beyond, gone, examples, ms, perSecond } = document;
  const sorted = [...subjects].sort((a, b) => Number(a.equal) - Number(b.equal));
  const rows = sorted
    .slice(0, SHOWN)
    .map((one) => [
      one.equal ? '=' : '≠',
      one.subject,
      formatCount(one.from.messages),
      rangeText(one.from),
      formatCount(one.to.messages),
      rangeText(one.to),
      one.equal
        ? one.from.digest.slice(0, 12)
        : `${one.from.digest.slice(0, 12)} ≠ ${one.to.digest.slice(0, 12)}`,
    ]);
  const columns = [
    { title: '' },
    { title: 'subject' },
    { title: 'FROM', align: 'right' as const },
    { title: 'sequences' },
    { title: 'TO', align: 'right' as const },
    { title: 'sequences' },
    { title: 'digest' },
  ];
  return [
    clean(`${from} -> ${to}: ${summary}`),
    ...(rows.length > 0 ? ['', renderTable(columns, rows)] : []),
    ...(sorted.length > SHOWN
      ? [`and ${formatCount(sorted.length - SHOWN)} more subjects, in --output json`]
      : []),
    '',
    `Compared:  ${BY[document.by]}`,
    ...(beyond.from + beyond.to > 0
      ? [
          clean(
            `Beyond:    ${formatCount(beyond.from)} more in ${from}, ${formatCount(beyond.to)} more in ${to}`,
          ),
        ]
      : []),
    ...(gone > 0
      ? [clean(`Gone:      ${formatCount(gone)} copies of what ${from} has lost to its limits since`)]
      : []),
    ...(examples.length > 0 ? [clean(`Look at:   ${examples.map(formatCount).join(', ')} of ${from}`)] : []),
    `${equal ? 'equal' : 'unequal'}; ${formatMs(ms)}, ${formatCount(perSecond)} messages/s`,
  ].join('\n');
}

const rangeText = ({ messages, first, last }: { messages: number; first: number; last: number }): string =>
  messages === 0 ? '-' : `${formatCount(first)} to ${formatCount(last)}`;
