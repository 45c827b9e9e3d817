import { daysSince1970, number } from '../shared/calendar.ts';

/**
 * PostgreSQL's binary format of a one-dimensional array without nulls (`array_send`, src/backend/utils/adt/arrayfuncs.c), for the element types of
 * a row. The server takes half a microsecond less a row for it than for array literals, and so does making them (docs/performance.md).
 */

/** Object ids of the element types (pg_type.dat). */
const TEXT = 25;
const FLOAT8 = 701;
const DATE = 1_082;
const TIMESTAMPTZ = 1_184;

/** Dimensions, whether there are nulls, element type, length, lower bound; four bytes each. */
const HEADER = 20;
/** Every element is preceded by its length in bytes. */
const LENGTH = 4;

function open(buffer: Buffer, type: number, count: number): DataView {
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
  view.setInt32(0, 1);
  view.setInt32(4, 0);
  view.setInt32(8, type);
  view.setInt32(12, count);
  view.setInt32(16, 1);
  return view;
}

/** Well-formed strings without NUL. */
export function textArray(values: readonly string[]): Buffer {
  // All at once, each in its place if every character takes one byte, as in nearly all ids.
  const gap = '\0'.repeat(LENGTH);
  const all = gap + values.join(gap);
  const buffer = Buffer.allocUnsafe(HEADER + 3 * all.length); // no UTF-16 unit takes more in UTF-8
  const view = open(buffer, TEXT, values.length);
  const isPlain = buffer.write(all, HEADER) === all.length;
  let at = HEADER;
  // By index: an iterator's steps, which are not optimized away here, would be a tenth of all that a message allocates.
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    const bytes = isPlain ? value.length : buffer.write(value, at + LENGTH);
    view.setInt32(at, bytes);
    at += LENGTH + bytes;
  }
  return buffer.subarray(0, at);
}

export const float8Array = (values: readonly number[]): Buffer =>
  fixedArray(FLOAT8, 8, values, (view, at, value) => view.setFloat64(at, value));

/** Days of the calendar, `YYYY-MM-DD`. */
export const dateArray = (values: readonly string[]): Buffer =>
  fixedArray(DATE, 4, values, (view, at, value) => view.setInt32(at, daysSince2000(value)));

/** Instants, whole ms since 1970. */
export const timestamptzArray = (values: readonly number[]): Buffer =>
  fixedArray(TIMESTAMPTZ, 8, values, (view, at, value) => setMicros(view, at, value - MS_UNTIL_2000));

/** Elements that all take as many bytes. */
function fixedArray<Value>(
  type: number,
  bytes: number,
  values: readonly Value[],
  set: (view: DataView, at: number, value: Value) => void,
): Buffer {
  const buffer = Buffer.allocUnsafe(HEADER + values.length * (LENGTH + bytes));
  const view = open(buffer, type, values.length);
  let at = HEADER;
  for (let i = 0; i < values.length; i++) {
    view.setInt32(at, bytes);
    set(view, at + LENGTH, values[i]!);
    at += LENGTH + bytes;
  }
  return buffer;
}

/** PostgreSQL counts days and microseconds from 2000-01-01. */
const DAYS_UNTIL_2000 = 10_957;
const MS_UNTIL_2000 = DAYS_UNTIL_2000 * 86_400_000;

/** Most events of a batch are of one day. */
let lastDate = '';
let lastDays = 0;

function daysSince2000(date: string): number {
  if (date === lastDate) return lastDays;
  lastDate = date;
  lastDays = daysSince1970(number(date, 0, 4), number(date, 5, 7), number(date, 8, 10)) - DAYS_UNTIL_2000;
  return lastDays;
}

const TWO_32 = 4_294_967_296;

/** As 64 bits in two halves: microseconds go beyond what a number holds exactly, and a BigInt for each is dear. */
function setMicros(view: DataView, at: number, ms: number): void {
  // ms = high * 2^22 + low, and 1,000 times either part is exact.
  const high = Math.floor(ms / 4_194_304) * 1_000;
  const low = (((ms % 4_194_304) + 4_194_304) % 4_194_304) * 1_000;
  const upper = Math.floor(high / 1_024);
  const sum = (high - upper * 1_024) * 4_194_304 + low;
  const carry = sum >= TWO_32 ? 1 : 0;
  view.setInt32(at, upper + carry);
  view.setUint32(at + 4, sum - carry * TWO_32);
}
