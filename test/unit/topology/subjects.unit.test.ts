import {
  collisions,
  covers,
  coversAll,
  intersect,
  intersectSets,
  isSubset,
  isValidFilter,
  isValidSubject,
  matches,
  overlaps,
  reduce,
  replacesFilters,
} from '@aa-ops/topology';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

/** Every subject of up to five tokens; `other` is a token that no filter of the tests names. */
const universe = (function grow(length: number): string[] {
  const tokens = ['a', '$b', 'other'];
  if (length === 1) return tokens;
  const shorter = grow(length - 1);
  const longest = shorter.filter((subject) => subject.split('.').length === length - 1);
  return [...shorter, ...longest.flatMap((subject) => tokens.map((token) => `${subject}.${token}`))];
})(5);

/** The definition, written a second time and slowly: a regular expression. */
const slowly = (filter: string): RegExp => {
  const tokens = filter.split('.').map((token) => {
    if (token === '*') return '[^.]+';
    if (token === '>') return '.+';
    return token.replace('$', '\\$');
  });
  return new RegExp(`^${tokens.join('\\.')}$`);
};
const stood = (filters: string[]): string[] => {
  const expressions = filters.map(slowly);
  return universe.filter((subject) => expressions.some((expression) => expression.test(subject)));
};

const filter = fc
  .tuple(fc.array(fc.constantFrom('a', '$b', '*'), { maxLength: 3 }), fc.constantFrom('a', '$b', '*', '>'))
  .map(([tokens, last]) => [...tokens, last].join('.'));
const filters = fc.array(filter, { minLength: 1, maxLength: 5 });
const within = (some: string[], all: string[]) => some.every((one) => all.includes(one));

it('a subject is heard by another filter than before', () => {
  fc.assert(
    fc.property(filters, filters, (before, after) => {
      const only = (some: string[], others: string[]) => stood(some.filter((one) => !others.includes(one)));
      const [gone, come] = [only(before, after), only(after, before)];
      expect(replacesFilters(before, after)).toBe(gone.some((subject) => come.includes(subject)));
    }),
  );
});

describe('subject algebra, against every subject of up to five tokens', () => {
  it('matches what the definition matches', () => {
    fc.assert(
      fc.property(filter, (f) => {
        expect(universe.filter((subject) => matches(f, subject))).toEqual(stood([f]));
      }),
    );
  });

  it('intersects, overlaps and nests as the sets do', () => {
    fc.assert(
      fc.property(filter, filter, (a, b) => {
        const [as, bs] = [stood([a]), stood([b])];
        const both = as.filter((subject) => bs.includes(subject));
        const found = intersect(a, b);
        expect(found === null ? [] : stood([found])).toEqual(both);
        expect(intersect(b, a)).toBe(found);
        expect(overlaps(a, b)).toBe(both.length > 0);
        expect(isSubset(a, b)).toBe(within(as, bs));
      }),
      { numRuns: 400 },
    );
  });

  it('keeps what a set stands for, and nothing that another one holds', () => {
    fc.assert(
      fc.property(filters, (set) => {
        const reduced = reduce(set);
        expect(stood(reduced)).toEqual(stood(set));
        for (const one of reduced) expect(reduced.filter((other) => isSubset(one, other))).toEqual([one]);
      }),
    );
  });

  it('intersects sets', () => {
    fc.assert(
      fc.property(filters, filters, (as, bs) => {
        const both = intersectSets(as, bs);
        expect(stood(both)).toEqual(stood(as).filter((subject) => stood(bs).includes(subject)));
        expect(reduce(both)).toEqual(both);
      }),
      { numRuns: 50 },
    );
  });

  it('knows exactly what a union covers', () => {
    fc.assert(
      fc.property(filters, filter, (set, subject) => {
        expect(covers(set, subject)).toBe(within(stood([subject]), stood(set)));
      }),
      {
        numRuns: 1000,
        examples: [
          [['a.*', 'a.*.>'], 'a.>'],
          [['*', '*.>'], '>'],
          [['*', '*.*.>'], '>'],
          [['a', '$b', '*.>'], '>'],
        ],
      },
    );
  });

  it('finds the pairs that collide, each once', () => {
    fc.assert(
      fc.property(filters, (set) => {
        const owned = set.map((subject, owner) => ({ subject, owner }));
        const slow = owned.flatMap((b, at) =>
          owned
            .slice(0, at)
            .flatMap((a) => (overlaps(a.subject, b.subject) ? [`${a.owner}-${b.owner}`] : [])),
        );
        expect(
          collisions(owned)
            .map(([a, b]) => `${a.owner}-${b.owner}`)
            .sort(),
        ).toEqual(slow.sort());
      }),
    );
  });
});

describe('subject algebra, by example', () => {
  it.each([
    ['athlete-ally.>', 'athlete-ally', false],
    ['athlete-ally.>', 'athlete-ally.hrv.raw-received', true],
    ['sleep.*', 'sleep', false],
    ['sleep.*', 'sleep.a.b', false],
    ['>', '_INBOX.x', true],
    ['>', '$JS.API.INFO', true],
    ['*.API', '$JS.API', true],
  ])('%s matches %s: %s', (f, subject, expected) => expect(matches(f, subject)).toBe(expected));

  it.each([
    ['vendor.oura.>', 'vendor.>', 'vendor.oura.>'],
    ['*.a.>', 'b.*.*', 'b.a.*'],
    ['a.>', 'a', null],
    ['a.*', '*.a.b', null],
    ['>', '>', '>'],
  ])('%s and %s have %s in common', (a, b, both) => expect(intersect(a, b)).toBe(both));

  it('tells filters, subjects and neither', () => {
    for (const bad of ['', '.', 'a.', '.a', 'a..b', 'a b', 'a.\tb', 'a.>.b', '>.a', 'a\n', 'a.\0'])
      expect([bad, isValidFilter(bad)]).toEqual([bad, false]);
    for (const good of ['a', '>', '*', 'a.*.>', '$JS.EVENT.ADVISORY.>', '_INBOX.>', 'a.b*', 'ä.ö'])
      expect([good, isValidFilter(good)]).toEqual([good, true]);
    expect(['a.*', 'a.>', '*', '>'].filter(isValidSubject)).toEqual([]);
    expect(isValidSubject('a.b*')).toBe(true);
  });

  it('covers lists, and nothing with nothing', () => {
    expect(coversAll(['a.>', 'b'], ['a.x', 'b'])).toBe(true);
    expect(coversAll(['a.>', 'b'], ['a.x', 'c'])).toBe(false);
    expect(covers([], 'a')).toBe(false);
    expect(intersectSets(['a.>'], ['b.>'])).toEqual([]);
  });

  it('finds one collision among ten thousand filters at once', () => {
    const many = Array.from({ length: 10_000 }, (_, n) => ({ subject: `orders.eu.s${n}.>`, owner: n }));
    expect(collisions([...many, { subject: 'orders.*.s77.x', owner: -1 }])).toEqual([
      [many[77], { subject: 'orders.*.s77.x', owner: -1 }],
    ]);
  });
});
