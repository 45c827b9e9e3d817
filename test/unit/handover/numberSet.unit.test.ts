import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NumberSet } from '../../../topology/src/handover/numberSet.ts';

const hashes = fc.array(
  fc.oneof(
    fc.maxSafeNat().map((n) => n % 2 ** 48),
    fc.nat(50),
  ),
  { maxLength: 400 },
);

describe('a set of numbers', () => {
  it('answers as a Set does', () => {
    fc.assert(
      fc.property(hashes, (numbers) => {
        const [ours, theirs] = [new NumberSet(), new Set<number>()];
        for (const number of numbers) {
          expect(ours.has(number)).toBe(theirs.has(number));
          expect(ours.add(number)).toBe(!theirs.has(number));
          theirs.add(number);
        }
        expect(ours.size).toBe(theirs.size);
      }),
    );
  });

  it('grows, and forgets', () => {
    const set = new NumberSet();
    const numbers = Array.from({ length: 200_000 }, (_, i) => i * 1_000_003);
    expect(numbers.every((number) => set.add(number))).toBe(true);
    expect(numbers.some((number) => set.add(number))).toBe(false);
    expect(set.size).toBe(numbers.length);
    set.clear();
    expect([set.size, set.add(0)]).toEqual([0, true]);
  });
});
