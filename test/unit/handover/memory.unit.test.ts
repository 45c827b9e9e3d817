import { describe, expect, it } from 'vitest';
import { emptyMemory, nextStartOf, rememberCopied, rememberTaken, splitByStart } from '@aa-ops/topology';

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
});
