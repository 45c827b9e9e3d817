import fc from 'fast-check';
import { overlaps } from '@aa-ops/topology';

/** Streams that own disjoint subjects `<letter>.>`, or `<letter>.<digit>`. */
export const ownership: fc.Arbitrary<Record<string, string[]>> = fc
  .array(
    fc.tuple(
      fc.constantFrom('a', 'b', 'c', 'd', 'e'),
      fc.constantFrom('>', '1', '2'),
      fc.constantFrom('S1', 'S2', 'S3', 'S4'),
    ),
    {
      maxLength: 8,
    },
  )
  .map((entries) => {
    const owners: Record<string, string[]> = {};
    const all: string[] = [];
    for (const [letter, rest, stream] of entries) {
      const subject = `${letter}.${rest}`;
      if (all.some((other) => overlaps(other, subject))) continue;
      all.push(subject);
      owners[stream] = [...(owners[stream] ?? []), subject];
    }
    return owners;
  });

/** Every subject that the generator can name, as a literal. */
export const LITERALS = ['a', 'b', 'c', 'd', 'e'].flatMap((letter) =>
  ['1', '2', '3'].map((leaf) => `${letter}.${leaf}`),
);
