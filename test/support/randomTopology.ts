import fc from 'fast-check';
import { planHandovers, type Topology } from '@aa-ops/topology';
import { topologyOf } from './topologies.ts';

/** Who owns the subjects of one letter in one mode: one stream all of them, by one of two wildcards, or each its own. */
type Placement = { wildcard: '>' | '*'; stream: string } | { each: readonly [string, string, string] };

/** A topology of two modes, and every subject that is published in it. */
export interface RandomTopology {
  topology: Topology;
  subjects: string[];
  /** Durables that somebody works; where there are work queues, others claim every other subject and leave it. */
  worked: string[];
}

const LEAVES = ['1', '2', '3'] as const;
const LETTERS = ['a', 'b', 'c', 'd', 'e'];

const stream = fc.constantFrom('S1', 'S2', 'S3', 'S4');
const placement: fc.Arbitrary<Placement> = fc.oneof(
  fc.record({ wildcard: fc.constantFrom('>' as const, '*' as const), stream }),
  fc.record({ each: fc.tuple(stream, stream, stream) }),
);

/**
 * Pairs of modes: up to five letters of three subjects each, owned by up to four streams in any way, every subject by one in
 * both; some of the streams are work queues; up to two durables at work. Shrinks to fewer letters. Left out: those that need no copy.
 */
export const randomTopology: fc.Arbitrary<RandomTopology> = fc
  .record({
    letters: fc.array(fc.record({ single: placement, multi: placement }), {
      minLength: 1,
      maxLength: LETTERS.length,
    }),
    queues: fc.subarray(['S1', 'S2', 'S3', 'S4']),
    durables: fc.array(fc.nat(LEAVES.length * LETTERS.length - 1), { minLength: 1, maxLength: 2 }),
  })
  .map(({ letters, queues, durables }) => {
    // A work queue needs a durable for each of its subjects, so that those are named.
    const placed = (it: Placement): Placement =>
      'wildcard' in it && queues.length > 0 ? { each: [it.stream, it.stream, it.stream] } : it;
    const modes = {
      single: ownership(letters.map((it) => placed(it.single))),
      multi: ownership(letters.map((it) => placed(it.multi))),
    };
    const subjects = letters.flatMap((_, index) => LEAVES.map((leaf) => `${LETTERS[index]}.${leaf}`));
    return { modes, subjects, queues, durables };
  })
  .filter(({ modes }) => planHandovers(modes.single, modes.multi).some(({ copies }) => copies.length > 0))
  .map(({ modes, subjects, queues, durables }) => {
    const chosen = [...new Set(durables.map((it) => subjects[it % subjects.length]!))];
    const filters = queues.length > 0 ? subjects : chosen;
    const nameOf = (filter: string) => `work-${filter.replace('.', '-')}`;
    const mode = (owners: Record<string, string[]>) => ({
      subjects: owners,
      consumers: Object.fromEntries(
        filters.map((filter) => [nameOf(filter), { stream: ownerOf(owners, filter), filters: [filter] }]),
      ),
    });
    const topology = topologyOf('random', { single: mode(modes.single), multi: mode(modes.multi) });
    for (const name of queues) if (topology.streams[name]) topology.streams[name].retention = 'workqueue';
    return { topology, subjects, worked: chosen.map(nameOf) };
  });

function ownership(letters: Placement[]): Record<string, string[]> {
  const owners: Record<string, string[]> = {};
  const own = (name: string, subject: string) => (owners[name] = [...(owners[name] ?? []), subject]);
  for (const [index, it] of letters.entries()) {
    if ('wildcard' in it) own(it.stream, `${LETTERS[index]}.${it.wildcard}`);
    else for (const [leaf, name] of it.each.entries()) own(name, `${LETTERS[index]}.${LEAVES[leaf]}`);
  }
  return owners;
}

function ownerOf(owners: Record<string, string[]>, subject: string): string {
  const [letter] = subject.split('.');
  const hears = (it: string) => it === subject || it === `${letter}.>` || it === `${letter}.*`;
  return Object.keys(owners).find((name) => owners[name]!.some(hears))!;
}
