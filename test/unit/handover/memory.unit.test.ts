import { describe, expect, it } from 'vitest';
import {
  emptyMemory,
  lastBlocks,
  nextStartOf,
  originalOf,
  rememberCopied,
  rememberTaken,
  renumber,
  splitByStart,
  type StoredMessage,
} from '@aa-ops/topology';

const pair = { origin: 'A', target: 'B', filters: ['a.>', 'b.>'] };
const copy = { ...pair, epoch: '_aa-ops.epoch.r.A.0', startSeq: 10, targetFromSeq: 1 };

describe('pair memory', () => {
  it('knows nothing of a pair without a past', () => {
    expect(splitByStart(emptyMemory(), pair)).toEqual([{ copy: pair, from: undefined }]);
  });

  it('goes on behind what was copied, and back from what was taken', () => {
    let memory = rememberCopied(emptyMemory(), copy, { originSeq: 20, targetSeq: 11 });
    memory = rememberTaken(memory, copy, 12);
    expect(nextStartOf(memory, pair, 'a.>')).toBe(21);
    expect(nextStartOf(memory, { origin: 'B', target: 'A', filters: ['a.>'] }, 'a.x')).toBe(12);
    expect(memory.blocks).toEqual([
      { origin: 'A', target: 'B', filters: ['a.>', 'b.>'], originSeqs: [10, 20], targetSeqs: [1, 11] },
    ]);
  });

  it('keeps one number for each pair, not for each stream', () => {
    let memory = rememberTaken(emptyMemory(), { origin: 'A', target: 'T', filters: ['a.>'] }, 5);
    memory = rememberTaken(memory, { origin: 'B', target: 'T', filters: ['b.>'] }, 90);
    expect(nextStartOf(memory, { origin: 'T', target: 'A', filters: ['a.>'] }, 'a.>')).toBe(5);
    expect(nextStartOf(memory, { origin: 'T', target: 'B', filters: ['b.>'] }, 'b.>')).toBe(90);
  });

  it('splits a copy whose subjects go on from different places', () => {
    const memory = rememberCopied(
      emptyMemory(),
      { ...copy, filters: ['a.>'] },
      { originSeq: 20, targetSeq: 11 },
    );
    expect(splitByStart(memory, pair)).toEqual([
      { copy: { ...pair, filters: ['a.>'] }, from: 21 },
      { copy: { ...pair, filters: ['b.>'] }, from: undefined },
    ]);
  });

  it('remembers no block of a copy that brought nothing', () => {
    const memory = rememberCopied(emptyMemory(), copy, { originSeq: 9, targetSeq: 0 });
    expect(memory.blocks).toEqual([]);
    expect(nextStartOf(memory, pair, 'a.>')).toBe(10);
  });

  it('tells of each subject where it was copied to last', () => {
    const of = (filters: string[], startSeq: number) => ({ ...copy, filters, startSeq });
    let memory = rememberCopied(emptyMemory(), of(['a.>'], 10), { originSeq: 20, targetSeq: 11 });
    memory = rememberCopied(memory, of(['b.>'], 1), { originSeq: 20, targetSeq: 11 });
    expect(lastBlocks(memory).map(({ filters }) => filters)).toEqual([['a.>'], ['b.>']]);
    memory = rememberCopied(memory, of(['a.x'], 21), { originSeq: 30, targetSeq: 20 });
    expect(lastBlocks(memory).map(({ filters }) => filters)).toEqual([['b.>'], ['a.x']]);
  });
});

describe('a stream that was made anew', () => {
  const copied = rememberCopied(emptyMemory(), copy, { originSeq: 20, targetSeq: 11 });
  const copyOf = (seq: number): StoredMessage => ({
    subject: 'a.x',
    seq: seq - 9,
    time: '2026-01-01T00:00:00Z',
    headers: Buffer.from(`NATS/1.0\r\nNats-Stream-Source: A ${seq} a.> > a.x\r\n\r\n`),
    data: new Uint8Array(),
  });
  const find = (memory: typeof copied, seq: number): number | undefined =>
    originalOf(memory, { losing: 'B', gaining: 'A' }, copyOf(seq));

  it('is found by its numbers of now, and what it has lost lies between two', () => {
    // 10 and 15 have gone.
    const once = renumber(
      copied,
      'A',
      [],
      [
        [11, 1, 4],
        [16, 5, 9],
      ],
    );
    expect(once.blocks[0]!.originSeqs).toEqual([1, 9]);
    expect([10, 11, 14, 15, 16, 20].map((seq) => find(once, seq))).toEqual([0.5, 1, 4, 4.5, 5, 9]);
    // 1 to 4 have gone as well.
    const twice = renumber(once, 'A', [], [[5, 1, 9]]);
    expect([11, 15, 16, 20].map((seq) => find(twice, seq))).toEqual([0.5, 0.5, 1, 5]);
    expect(find(twice, 9)).toBeUndefined();
  });

  it('is remembered to have held what it has lost altogether', () => {
    const lost = renumber(copied, 'A', [], [[30, 1, 5]]);
    expect(find(lost, 12)).toBe(0.5);
    const amid = renumber(
      copied,
      'A',
      [],
      [
        [1, 1, 5],
        [30, 6, 5],
      ],
    );
    expect(Number.isInteger(find(amid, 12))).toBe(false);
    expect(find(amid, 12)).toBeDefined();
  });

  it('is forgotten where its numbers are not known, or where it holds the copies', () => {
    expect(renumber(copied, 'A', [], undefined).blocks).toEqual([]);
    expect(renumber(copied, 'B', [], []).blocks).toEqual([]);
  });
});
