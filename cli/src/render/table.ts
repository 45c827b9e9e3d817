import { clean } from './clean.ts';
import { type Paint, plainPaint } from './paint.ts';

export interface Column {
  title: string;
  /** Numbers stand to the right. */
  align?: 'left' | 'right';
}

const COLOUR = /\u001b\[[0-9;]*m/g;

/** A cell that carries colours of ours: it is not cleaned again, so clean what comes from elsewhere before painting it. */
export class Painted {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

export type Cell = string | number | Painted;

/** Columns padded to their widest cell, two spaces between them, no trailing spaces. Cells are cleaned. */
export function renderTable(columns: Column[], rows: Cell[][], paint: Paint = plainPaint): string {
  const body = rows.map((row) => row.map(toText));
  const widths = columns.map(({ title }, index) =>
    Math.max(title.length, ...body.map((row) => width(row[index] ?? ''))),
  );
  const line = (cells: string[]): string =>
    columns
      .map(({ align }, index) => pad(cells[index] ?? '', widths[index] ?? 0, align ?? 'left'))
      .join('  ')
      .trimEnd();
  const head = line(columns.map(({ title }) => title));
  return [paint.bold(head), ...body.map(line)].join('\n');
}

/** `Name:  value` lines, the values one below the other. Values are cleaned. */
export function renderFields(fields: [string, Cell][], paint: Paint = plainPaint): string {
  const widest = Math.max(0, ...fields.map(([name]) => name.length));
  return fields
    .map(([name, value]) => `${paint.dim(`${name}:`.padEnd(widest + 1))}  ${toText(value)}`.trimEnd())
    .join('\n');
}

const toText = (cell: Cell): string => (cell instanceof Painted ? cell.text : clean(String(cell)));
const width = (text: string): number => text.replace(COLOUR, '').length;
const pad = (text: string, to: number, align: 'left' | 'right'): string => {
  const space = ' '.repeat(Math.max(0, to - width(text)));
  return align === 'right' ? space + text : text + space;
};
