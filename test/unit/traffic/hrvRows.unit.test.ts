import { describe, expect, test } from 'vitest';
import { hrvEventOf, identifyHrvEvent, readHrvValues } from '../../../cli/src/demo/hrvEvents.ts';
import { BROKEN, HRV_SUBJECT } from '../../../cli/src/demo/publishers.ts';
import { type HrvRow, judgeRows } from '../../../cli/src/demo/rows.ts';
import { Ledger } from '../../../cli/src/traffic/index.ts';

const values = readHrvValues();
const stored = { status: 'stored', stream: 'S', seq: 1, duplicate: false } as const;
const nothing = () => false;

/** A ledger of one publisher with `count` acked events, and the rows that they should make. */
function acked(count: number, name = 'p') {
  const ledger = new Ledger();
  const book = ledger.open(name, 'waiting', [HRV_SUBJECT]);
  const rows = new Map<string, HrvRow>();
  for (let i = 0; i < count; i++) {
    const n = book.begin();
    book.end(n, stored);
    const event = hrvEventOf(name, n, values);
    const key = `${event.userId} ${event.date}`;
    if ((rows.get(key)?.capturedAt ?? '') < event.capturedAt)
      rows.set(key, { ...event, lnRmssd: Math.log(event.rmssd) });
  }
  return { ledger, book, rows: [...rows.values()] };
}

describe('the events of the demo', () => {
  test('carry the real values, and can be told from their payload alone', () => {
    expect(values).toHaveLength(330);
    expect(values[0]).toBe(53.8973);
    for (let n = 0; n < 5_000; n++) {
      const payload = new TextEncoder().encode(JSON.stringify(hrvEventOf('front-door', n, values)));
      expect(identifyHrvEvent(payload)).toEqual({ publisher: 'front-door', n });
    }
    expect(identifyHrvEvent(new TextEncoder().encode('no JSON'))).toBeUndefined();
    expect(identifyHrvEvent(new TextEncoder().encode('{"userId":"someone"}'))).toBeUndefined();
    expect(identifyHrvEvent(new TextEncoder().encode('null'))).toBeUndefined();
  });

  test('come again for the same user and day, sometimes late', () => {
    const { rows } = acked(4_000);
    expect(rows.length).toBeLessThan(4_000);
    const late = Array.from({ length: 4_000 }, (_, n) => hrvEventOf('p', n, values)).filter(
      (event, n, all) => n > 0 && event.capturedAt < all[n - 1]!.capturedAt,
    );
    expect(late.length).toBeGreaterThan(0);
  });
});

describe('the rows of the demo', () => {
  test('are right where each is its newest event', () => {
    const { ledger, rows } = acked(2_000);
    expect(judgeRows(ledger, rows, values, nothing)).toEqual({
      expected: rows.length,
      present: rows.length,
      missing: 0,
      wrong: 0,
      unexpected: 0,
      examples: [],
    });
  });

  test('are found out where one is missing, stale, miscalculated or nobody sent it', () => {
    const { ledger, rows } = acked(2_000);
    const [first, second, third, ...rest] = rows as [HrvRow, HrvRow, HrvRow, ...HrvRow[]];
    const old = { ...second, capturedAt: '2001-01-01T00:00:00.000Z' };
    const odd = { ...third, lnRmssd: third.lnRmssd + 1e-9 };
    const strange = { ...first, date: '1999-01-01' };
    const verdict = judgeRows(ledger, [old, odd, strange, ...rest], values, nothing);
    expect(verdict).toMatchObject({ missing: 1, wrong: 2, unexpected: 1, present: rows.length - 3 });
    expect(verdict.examples[0]).toBe(`missing: ${first.userId} ${first.date}`);
  });

  test('need not hold what was dead-lettered, nor what was never acked, and may hold the latter', () => {
    const { ledger, book, rows } = acked(10);
    const dead = judgeRows(ledger, rows.slice(1), values, (publisher, n) => publisher === 'p' && n === 0);
    expect(dead).toMatchObject({ expected: 9, present: 9, missing: 0, unexpected: 0 });

    const n = book.begin();
    book.end(n, { status: 'unanswered', code: 'TIMEOUT', message: '' });
    const event = hrvEventOf('p', n, values);
    const row = { ...event, lnRmssd: Math.log(event.rmssd) };
    expect(judgeRows(ledger, rows, values, nothing)).toMatchObject({ expected: 10, present: 10 });
    expect(judgeRows(ledger, [...rows, row], values, nothing)).toMatchObject({ present: 10, unexpected: 0 });
  });

  test('are none of events that were broken on purpose', () => {
    const { ledger } = acked(3, BROKEN);
    expect(judgeRows(ledger, [], values, nothing)).toMatchObject({ expected: 0, missing: 0 });
  });
});
