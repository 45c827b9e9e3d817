import fc from 'fast-check';
import { planHandovers, type StreamConfig, type Topology } from '@aa-ops/topology';
import { topologyOf } from './topologies.ts';

/** Who owns the subjects of one letter in one mode: one stream all of them, by one of two wildcards, or each its own. */
type Placement = { wildcard: '>' | '*'; stream: string } | { each: readonly [string, string, string] };

/** A topology of two modes, and every subject that is published in it. */
export interface RandomTopology {
  topology: Topology;
  subjects: string[];
  /** Durables that somebody works; where streams drop what was worked, others claim every other subject and leave it. */
  worked: string[];
}

const LEAVES = ['1', '2', '3'] as const;
const LETTERS = ['a', 'b', 'c', 'd', 'e'];

const STREAMS = ['S1', 'S2', 'S3', 'S4'];
const stream = fc.constantFrom(...STREAMS);
type Retention = NonNullable<StreamConfig['retention']>;
const retention = fc.constantFrom<Retention[]>('limits', 'interest', 'workqueue');
/** By stream; in every other topology all of them keep everything. */
const retentions = fc.oneof(
  fc.constant<Retention[]>([]),
  fc.array(retention, { minLength: STREAMS.length, maxLength: STREAMS.length }),
);
const placement: fc.Arbitrary<Placement> = fc.oneof(
  fc.record({ wildcard: fc.constantFrom('>' as const, '*' as const), stream }),
  fc.record({ each: fc.tuple(stream, stream, stream) }),
);

/**
 * Pairs of modes: up to five letters of three subjects each, owned by up to four streams in any way, every subject by one in
 * both; in every other one some of the streams are of interest or work queues; up to two durables at work. Shrinks to fewer letters. Left out: those that need no copy.
 */
export const randomTopology: fc.Arbitrary<RandomTopology> = fc
  .record({
    letters: fc.array(fc.record({ single: placement, multi: placement }), {
      minLength: 1,
      maxLength: LETTERS.length,
    }),
    retentions,
    durables: fc.array(fc.nat(LEAVES.length * LETTERS.length - 1), { minLength: 1, maxLength: 2 }),
  })
  .map(({ letters, retentions, durables }) => {
    // Streams that drop what was worked need a durable for each of their subjects, so that those are named.
    const drops = retentions.some((one) => one !== 'limits');
    const placed = (it: Placement): Placement =>
      'wildcard' in it && drops ? { each: [it.stream, it.stream, it.stream] } : it;
    const modes = {
      single: ownership(letters.map((it) => placed(it.single))),
      multi: ownership(letters.map((it) => placed(it.multi))),
    };
    const subjects = letters.flatMap((_, index) => LEAVES.map((leaf) => `${LETTERS[index]}.${leaf}`));
    return { modes, subjects, retentions, drops, durables };
  })
  .filter(({ modes }) => planHandovers(modes.single, modes.multi).some(({ copies }) => copies.length > 0))
  .map(({ modes, subjects, retentions, drops, durables }) => {
    const chosen = [...new Set(durables.map((it) => subjects[it % subjects.length]!))];
    const filters = drops ? subjects : chosen;
    const nameOf = (filter: string) => `work-${filter.replace('.', '-')}`;
    const mode = (owners: Record<string, string[]>) => ({
      subjects: owners,
      consumers: Object.fromEntries(
        filters.map((filter) => [nameOf(filter), { stream: ownerOf(owners, filter), filters: [filter] }]),
      ),
    });
    const topology = topologyOf('random', { single: mode(modes.single), multi: mode(modes.multi) });
    for (const [n, one] of retentions.entries()) {
      const fields = topology.streams[STREAMS[n]!];
      if (fields) fields.retention = one;
    }
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
