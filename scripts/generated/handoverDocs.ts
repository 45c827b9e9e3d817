import type { ErrorKind } from '@aa-ops/topology';
import { EXIT_CODES } from '../../cli/src/frame/exitCodes.ts';
import { replaceBlocks, table } from './blocks.ts';
import { type Coded, codesIn } from './errorCodes.ts';
import type { GeneratedFile } from './index.ts';

const RUN = ['topology/src/handover', 'cli/src/runbook', 'cli/src/saga'];
const AROUND = ['topology/src/jetstream', 'cli/src/platform'];

/** Its code is passed in from the step that runs the checks, so that no literal stands beside its message. */
const CHECKS_RED: Coded = {
  code: 'checks-red',
  sort: 'error',
  kind: 'failed',
  message: 'TITLE: EVIDENCE',
  hint: 'aa-ops verify shows every check',
};

const exitOf = ({ sort, kind }: Coded): string => {
  if (sort !== 'finding') return String(EXIT_CODES[kind as ErrorKind] ?? EXIT_CODES.failed);
  if (kind === 'warn') return 'warns';
  return kind.includes('warn') ? '3; a way back only warns' : '3';
};

/** One row a code; the same one in several places has several messages. */
function rows(all: readonly Coded[], cells: (one: Coded) => string[]): string[][] {
  const codes = [...new Set(all.map(({ code }) => code))];
  return codes.map((code) => {
    const columns = all.filter((one) => one.code === code).map(cells);
    return columns[0]!.map((_, index) => joined(columns.map((column) => column[index]!)));
  });
}

const joined = (texts: string[]): string =>
  [...new Set(texts)].filter(Boolean).join('; or: ').replaceAll('\n', ' ');

const errorTable = (all: readonly Coded[]): string =>
  table(
    ['code', 'exit', 'message', 'what to do'],
    rows(
      all.filter(({ sort }) => sort !== 'warning').sort((a, b) => a.code.localeCompare(b.code)),
      (one) => [`\`${one.code}\``, exitOf(one), one.message, one.hint],
    ),
  );

const warningTable = (all: readonly Coded[]): string =>
  table(
    ['code', 'message'],
    rows(
      all.filter(({ sort }) => sort === 'warning'),
      ({ code, message }) => [`\`${code}\``, message],
    ),
  );

/** The tables of docs/handover.md: every code that a run may end with or warn of. */
export const handoverDocs: GeneratedFile = {
  path: 'docs/handover.md',
  async make(before) {
    const ofRun = [...codesIn(RUN), CHECKS_RED];
    return replaceBlocks(before, {
      'run errors': errorTable(ofRun),
      'other errors': errorTable(codesIn(AROUND)),
      warnings: warningTable(ofRun),
    });
  },
};
