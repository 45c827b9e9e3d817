import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  coversAll,
  type HandoverGroup,
  OpsError,
  origins,
  overlaps,
  type Ownership,
  planHandovers,
  targets,
} from '@aa-ops/topology';

const single = { LEGACY: ['athlete-ally.>', 'vendor.oura.>', 'sleep.*'], DLQ: ['dlq.>'] };
const multi = { CORE: ['athlete-ally.>', 'sleep.*'], VENDOR: ['vendor.>'], DLQ: ['dlq.>'] };

describe('planHandovers', () => {
  it('moves the intersection of what one stream loses and another gains', () => {
    const [group, ...rest] = planHandovers(single, multi);
    expect(rest).toEqual([]);
    expect(group!.copies).toEqual([
      { origin: 'LEGACY', target: 'CORE', filters: ['athlete-ally.>', 'sleep.*'] },
      { origin: 'LEGACY', target: 'VENDOR', filters: ['vendor.oura.>'] },
    ]);
    expect(origins(group!).map(({ stream }) => stream)).toEqual(['LEGACY']);
    expect(targets(group!).map(({ stream }) => stream)).toEqual(['CORE', 'VENDOR']);
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

  it('refuses streams that would have to copy from one another', () => {
    expect(() => planHandovers({ A: ['a.>'], B: ['b.>'] }, { A: ['b.>'], B: ['a.>'] })).toThrow(
      /A -> B -> A/,
    );
  });

  it('refuses copies that meet again, which the server takes for a cycle', () => {
    const from = { A: ['a.>', 'b.>'], B: ['c.>'] };
    const to = { B: ['a.>'], C: ['b.>', 'c.>'] };
    expect(() => planHandovers(from, to)).toThrow(/A -> B -> C and A -> C/);
  });

  it('copies nothing for a subject that only gains or loses its owner', () => {
    const groups = planHandovers({ A: ['a.>'], B: [] }, { A: [], B: ['b.>'] });
    expect(groups.map(({ copies }) => copies)).toEqual([[], []]);
  });
});

/** Streams that own disjoint subjects `<letter>.>`, or `<letter>.<digit>`. */
const ownership = fc
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

/** Undefined where the two would have to copy from one another; every other error is one. */
function planOrRefusal(from: Ownership, to: Ownership): HandoverGroup[] | undefined {
  try {
    return planHandovers(from, to);
  } catch (error) {
    if (error instanceof OpsError && /^handover-c/.test(error.code)) return undefined;
    throw error;
  }
}

describe('any two ownerships', () => {
  it('never leave two owners of one subject, and end as wanted', () => {
    fc.assert(
      fc.property(ownership, ownership, (from, to) => {
        const groups = planOrRefusal(from, to);
        if (!groups) return;
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
