import { describe, expect, test } from 'vitest';
import { Ledger, PublisherBook, summarize } from '../../../cli/src/traffic/index.ts';

const stored = (seq: number, stream = 'S') => ({ status: 'stored', stream, seq, duplicate: false }) as const;

describe('a publisher’s book', () => {
  test('keeps every outcome by running number, over its growth', () => {
    const book = new PublisherBook('p', 'pipelined', ['a', 'b', 'c']);
    for (let i = 0; i < 10_000; i++) {
      const n = book.begin();
      if (n % 100 === 99) book.end(n, { status: 'refused', code: '503', message: '' });
      else if (n % 100 === 98) book.end(n, { status: 'unanswered', code: 'TIMEOUT', message: '' });
      else if (n % 100 !== 97) book.end(n, stored(n + 5_000_000_000, n % 2 === 0 ? 'S' : 'T'));
    }
    expect(book.counts()).toEqual({
      sent: 10_000,
      acked: 9_700,
      refused: 100,
      unanswered: 100,
      outstanding: 100,
    });
    expect(book.errors).toEqual(
      new Map([
        ['503', 100],
        ['TIMEOUT', 100],
      ]),
    );
    expect(book.ackOf(0)).toEqual({ stream: 'S', seq: 5_000_000_000 });
    expect(book.ackOf(9_995)).toEqual({ stream: 'T', seq: 5_000_009_995 });
    expect([97, 98, 99].map((n) => book.ackOf(n))).toEqual([undefined, undefined, undefined]);
    expect([0, 1, 2, 3].map((n) => book.subjectOf(n))).toEqual(['a', 'b', 'c', 'a']);
    expect(book.latencies()).toHaveLength(9_700);
  });

  test('belongs to one name', () => {
    const ledger = new Ledger();
    ledger.open('p', 'waiting', ['a']);
    for (const name of ['p', '', 'two words'])
      expect(() => ledger.open(name, 'waiting', ['a'])).toThrow(JSON.stringify(name));
    expect(() => ledger.open('q', 'waiting', [])).toThrow('no subject');
  });
});

test('percentiles are exact', () => {
  const parts = [Float32Array.from({ length: 99 }, (_, i) => 99 - i), Float32Array.of(1_000)];
  expect(summarize(parts)).toEqual({ p50: 50, p99: 99, max: 1_000 });
  expect(summarize([])).toEqual({ p50: 0, p99: 0, max: 0 });
});
