import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  covers,
  coversAll,
  type CopyRole,
  type HandoverGroup,
  origins,
  overlaps,
  planHandovers,
} from '@aa-ops/topology';
import { LITERALS, ownership } from '../../support/ownership.ts';

const single = { LEGACY: ['athlete-ally.>', 'vendor.oura.>', 'sleep.*'], DLQ: ['dlq.>'] };
const multi = { CORE: ['athlete-ally.>', 'sleep.*'], VENDOR: ['vendor.>'], DLQ: ['dlq.>'] };

const nameOf = ({ origin, target }: CopyRole): string => `${origin} -> ${target}`;

describe('planHandovers', () => {
  it('moves the intersection of what one stream loses and another gains', () => {
    const [group, ...rest] = planHandovers(single, multi);
    expect(rest).toEqual([]);
    expect(group!.copies).toEqual([
      { origin: 'LEGACY', target: 'CORE', filters: ['athlete-ally.>', 'sleep.*'] },
      { origin: 'LEGACY', target: 'VENDOR', filters: ['vendor.oura.>'] },
    ]);
    expect(origins(group!).map(({ stream }) => stream)).toEqual(['LEGACY']);
  });

  it('plans the way back as the same diff with the modes exchanged', () => {
    const [group] = planHandovers(multi, single);
    expect(group!.copies).toEqual([
      { origin: 'CORE', target: 'LEGACY', filters: ['athlete-ally.>', 'sleep.*'] },
      { origin: 'VENDOR', target: 'LEGACY', filters: ['vendor.oura.>'] },
    ]);
  });

  it('does nothing where the owners are the same', () => {
    expect(planHandovers(multi, { ...multi, DLQ: ['dlq.>'] })).toEqual([]);
  });

  it('ignores placeholders and epochs', () => {
    expect(planHandovers({ A: ['_aa-ops.closed.A', 'x.>'] }, { A: ['x.>'] })).toEqual([]);
  });

  it('keeps groups apart that exchange nothing', () => {
    const from = { A: ['a.>'], B: ['b.>'], X: ['x.>'], Y: ['y.>'] };
    const to = { A2: ['a.>'], B: ['b.>'], X: ['x.>', 'y.>'] };
    expect(planHandovers(from, to).map(({ copies }) => copies)).toEqual([
      [{ origin: 'A', target: 'A2', filters: ['a.>'] }],
      [{ origin: 'Y', target: 'X', filters: ['y.>'] }],
    ]);
  });

  it('lets a stream be origin and target at once', () => {
    const [group] = planHandovers({ A: ['a.>'], B: ['b.>'] }, { B: ['a.>'], C: ['b.>'] });
    expect(group!.copies).toEqual([
      { origin: 'A', target: 'B', filters: ['a.>'] },
      { origin: 'B', target: 'C', filters: ['b.>'] },
    ]);
    expect(group!.streams.find(({ stream }) => stream === 'B')).toEqual({
      stream: 'B',
      owned: ['b.>'],
      kept: [],
      final: ['a.>'],
    });
  });

  it('lets streams that would copy from one another do so in rounds', () => {
    const groups = planHandovers({ A: ['a.>', 'x.>'], B: ['b.>'] }, { A: ['b.>', 'x.>'], B: ['a.>'] });
    expect(groups).toEqual([
      {
        id: 'A',
        round: 1,
        streams: [
          { stream: 'A', owned: ['a.>', 'x.>'], kept: ['x.>'], final: ['x.>'] },
          { stream: 'B', owned: ['b.>'], kept: ['b.>'], final: ['b.>', 'a.>'] },
        ],
        copies: [{ origin: 'A', target: 'B', filters: ['a.>'] }],
      },
      {
        id: 'B.2',
        round: 2,
        streams: [
          { stream: 'A', owned: ['x.>'], kept: ['x.>'], final: ['b.>', 'x.>'] },
          { stream: 'B', owned: ['b.>', 'a.>'], kept: ['a.>'], final: ['a.>'] },
        ],
        copies: [{ origin: 'B', target: 'A', filters: ['b.>'] }],
      },
    ]);
  });

  it('keeps copies apart that meet again, which the server takes for a cycle', () => {
    const from = { A: ['a.>', 'b.>'], B: ['c.>'] };
    const to = { B: ['a.>'], C: ['b.>', 'c.>'] };
    expect(planHandovers(from, to).map(({ round, copies }) => [round, copies.map(nameOf)])).toEqual([
      [1, ['A -> B', 'A -> C']],
      [2, ['B -> C']],
    ]);
  });

  it('begins with the copies along which a durable moves', () => {
    const options = { first: ({ origin }: { origin: string }) => origin === 'B' };
    const groups = planHandovers({ A: ['a.>'], B: ['b.>'] }, { A: ['b.>'], B: ['a.>'] }, options);
    expect(groups.flatMap(({ copies }) => copies.map(nameOf))).toEqual(['B -> A', 'A -> B']);
  });

  it('gives away what leaves a wildcard piece by piece, and keeps the rest of it meanwhile', () => {
    const from = { A: ['v.>'], B: ['b.>'] };
    const to = { A: ['b.>', 'v.keep'], B: ['v.oura.>'], C: ['v.late.>'] };
    const groups = planHandovers(from, to);
    expect(groups.map(({ streams }) => streams.find(({ stream }) => stream === 'A')!.final)).toEqual([
      ['v.keep'],
      ['b.>', 'v.keep'],
    ]);
  });

  it('refuses a copy that is a cycle with a source that stays', () => {
    const sources = [{ origin: 'B', target: 'A' }];
    expect(() => planHandovers({ A: ['a.>'] }, { B: ['a.>'] }, { sources })).toThrow(/B -> A -> B/);
  });

  it('copies nothing for a subject that only gains or loses its owner', () => {
    const groups = planHandovers({ A: ['a.>'], B: [] }, { A: [], B: ['b.>'] });
    expect(groups.map(({ copies }) => copies)).toEqual([[], []]);
  });
});

/** The server's check of a stream's sources, as in checkStreamCfg of server/stream.go: whatever is seen twice is a cycle. */
function serverSeesCycle(stream: string, sources: ReadonlyMap<string, readonly string[]>): boolean {
  const seen = new Set([stream]);
  const toVisit = [...(sources.get(stream) ?? [])];
  for (let next = toVisit.pop(); next !== undefined; next = toVisit.pop()) {
    if (seen.has(next)) return true;
    seen.add(next);
    toVisit.push(...(sources.get(next) ?? []));
  }
  return false;
}

/** The rounds of a plan, in their order. */
function rounds(groups: readonly HandoverGroup[]): HandoverGroup[][] {
  const numbers = [...new Set(groups.map(({ round }) => round))];
  expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
  return numbers.map((number) => groups.filter(({ round }) => round === number));
}

const ownerOf = (owners: ReadonlyMap<string, readonly string[]>, subject: string): string | undefined =>
  [...owners].find(([, subjects]) => covers(subjects, subject))?.[0];

describe('any two ownerships', () => {
  it('never copy in a cycle, and hand over in a round only what its copies bring', () => {
    fc.assert(
      fc.property(ownership, ownership, (from, to) => {
        const handedOver = new Set<string>();
        for (const round of rounds(planHandovers(from, to))) {
          const sources = new Map<string, string[]>();
          for (const { copies } of round) {
            for (const { origin, target, filters } of copies) {
              sources.set(target, [...(sources.get(target) ?? []), origin]);
              for (const subject of LITERALS.filter((it) => covers(filters, it))) {
                expect(handedOver).not.toContain(subject);
                handedOver.add(subject);
                expect(covers(from[origin]!, subject) && covers(to[target]!, subject)).toBe(true);
              }
            }
          }
          for (const stream of sources.keys()) expect(serverSeesCycle(stream, sources)).toBe(false);
        }
        const [before, after] = [new Map(Object.entries(from)), new Map(Object.entries(to))];
        for (const subject of LITERALS) {
          const [old, heir] = [ownerOf(before, subject), ownerOf(after, subject)];
          expect(handedOver.has(subject)).toBe(old !== undefined && heir !== undefined && old !== heir);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it('leave no subject without an owner but in its window', () => {
    fc.assert(
      fc.property(ownership, ownership, (from, to) => {
        const owners = new Map(Object.entries(from));
        const after = new Map(Object.entries(to));
        const owned = LITERALS.filter((it) => ownerOf(owners, it) && ownerOf(after, it));
        for (const group of planHandovers(from, to)) {
          const moved = group.copies.flatMap(({ filters }) => filters);
          for (const { stream, kept } of group.streams) owners.set(stream, kept);
          const orphans = () => owned.filter((it) => ownerOf(owners, it) === undefined);
          expect(orphans().filter((it) => !covers(moved, it))).toEqual([]);
          for (const { stream, final } of group.streams) owners.set(stream, final);
          expect(orphans()).toEqual([]);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it('never leave two owners of one subject, and end as wanted', () => {
    fc.assert(
      fc.property(ownership, ownership, (from, to) => {
        const groups = planHandovers(from, to);
        const owners = new Map(Object.entries(from));
        const noTwoOwners = (): void => {
          const all = [...owners].flatMap(([stream, subjects]) =>
            subjects.map((subject) => ({ stream, subject })),
          );
          for (const [index, a] of all.entries()) {
            for (const b of all.slice(index + 1)) expect(overlaps(a.subject, b.subject)).toBe(false);
          }
        };
        for (const group of groups) {
          for (const { stream, kept } of group.streams) owners.set(stream, kept);
          noTwoOwners();
          for (const { stream, final } of group.streams) {
            owners.set(stream, final);
            noTwoOwners();
          }
        }
        for (const [stream, subjects] of Object.entries(to)) {
          expect(coversAll(owners.get(stream) ?? [], subjects)).toBe(true);
          expect(coversAll(subjects, owners.get(stream) ?? [])).toBe(true);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
