import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  covers,
  type HandoverGroup,
  type JetStreamReader,
  overlaps,
  type Ownership,
  planHandovers,
  specifyWindow,
  type WindowSpec,
  type WindowStream,
} from '@aa-ops/topology';
import { LITERALS, ownership } from '../../support/ownership.ts';

/** The windows of a plan, each specified from what its streams own by then. */
async function windowsOf(from: Ownership, to: Ownership): Promise<[HandoverGroup, WindowSpec][]> {
  const owned = new Map(Object.entries(from));
  const windows: [HandoverGroup, WindowSpec][] = [];
  for (const group of planHandovers(from, to)) {
    const stream = async (name: string) => ({ config: { name, subjects: owned.get(name) ?? [] } });
    const copies = group.copies.map((copy, n) => ({ ...copy, epoch: `_aa-ops.epoch.${n}` }));
    const spec = await specifyWindow(
      { stream } as unknown as JetStreamReader,
      { ...group, copies } as unknown as Parameters<typeof specifyWindow>[1],
      { run: 'r', attempt: 1, hold: true },
    );
    for (const { stream: name, final } of group.streams) owned.set(name, final);
    windows.push([group, spec]);
  }
  return windows;
}

/** What a stream hears one after the other: forward, where the window is reverted, and where somebody else hears some of what it is to take. */
function waysOf({ before, barrier, released, taken, certain, final }: WindowStream): string[][][] {
  const forward = [before, released, taken, final].filter((it) => it !== undefined);
  const part = [before, released, certain].filter((it) => it !== undefined);
  return [
    forward,
    ...(released ? [[before, released, [...before, barrier], before]] : []),
    ...(certain ? [[...part, certain.filter((it) => it !== barrier)]] : []),
  ];
}

describe('the windows between any two ownerships', () => {
  it('add no filter that overlaps one which the same update takes away: the server would store twice what comes in between', async () => {
    await fc.assert(
      fc.asyncProperty(ownership, ownership, async (from, to) => {
        for (const [, { streams }] of await windowsOf(from, to)) {
          for (const way of streams.flatMap(waysOf)) {
            for (const [n, next] of way.slice(1).entries()) {
              const added = next.filter((it) => !way[n]!.includes(it));
              const removed = way[n]!.filter((it) => !next.includes(it));
              const twice = added.filter((one) => removed.some((other) => overlaps(one, other)));
              expect(twice, JSON.stringify(way)).toEqual([]);
            }
          }
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it('hold every subject that has an owner before and after, and none in between', async () => {
    await fc.assert(
      fc.asyncProperty(ownership, ownership, async (from, to) => {
        for (const [{ streams: roles }, { streams, moved, kept }] of await windowsOf(from, to)) {
          const held = [...moved, ...kept.flatMap(({ filters }) => filters)];
          const owner = (subject: string, at: (one: WindowStream) => string[]): boolean =>
            streams.some((one) => covers(at(one), subject));
          const orphans = LITERALS.filter(
            (it) =>
              roles.some(({ owned }) => covers(owned, it)) &&
              owner(it, ({ final }) => final) &&
              !owner(it, ({ released, before }) => released ?? before),
          );
          expect(orphans.filter((it) => !covers(held, it))).toEqual([]);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it('leave what had an owner with one, and nothing else, where a stream cannot take all', async () => {
    let parts = 0;
    await fc.assert(
      fc.asyncProperty(ownership, ownership, async (from, to) => {
        for (const [{ streams: roles }, { streams }] of await windowsOf(from, to)) {
          parts += streams.filter(({ certain }) => certain).length;
          const hears = (one: WindowStream) => one.certain ?? one.taken ?? one.released ?? one.before;
          for (const subject of LITERALS) {
            const hadOwner = roles.some(({ owned }) => covers(owned, subject));
            const isToHaveOne = streams.some(({ final }) => covers(final, subject));
            const heardBy = streams.filter((one) => covers(hears(one), subject));
            const isWrong =
              hadOwner && isToHaveOne ? heardBy.length !== 1 : heardBy.some(({ certain }) => certain);
            expect(isWrong, `${subject}: ${JSON.stringify(heardBy)}`).toBe(false);
          }
        }
      }),
      { numRuns: 1_000 },
    );
    expect(parts).toBeGreaterThan(100);
  });
});
