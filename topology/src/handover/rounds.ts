import { OpsError } from '../errors.ts';
import { realSubjects } from '../model.ts';
import { intersectSets, reduce } from '../subjects/sets.ts';
import type { CopyRole, Ownership } from './types.ts';

/** Messages go from one stream to another, by a copy of ours or a source of somebody else. */
export type Edge = Pick<CopyRole, 'origin' | 'target'>;

/**
 * Splits copies into rounds, as few as come of taking each one as early as it fits: those of one round may stand together, the next
 * ones begin when their sources are gone. Each pair is in one round, so that a durable's subjects change hands at once.
 * `sources` are those that stay.
 *
 * What may not stand together is what the server takes for a cycle of sources (10052): streams that copy from one another, and a stream
 * that is reached from another in two ways, because the check of nats-server marks every stream that it has seen (checkStreamCfg in
 * server/stream.go). Noticed in the window it would leave the subjects without an owner.
 *
 * Throws OpsError `handover-cycle` where a copy does not fit beside the sources that stay.
 */
export function inRounds(copies: readonly CopyRole[], sources: readonly Edge[] = []): CopyRole[][] {
  // Sources with filters of their own may meet: the server weighs those.
  const standing = meeting(sources) === undefined ? sources : [];
  const rounds: CopyRole[][] = [];
  for (const copy of copies) {
    const together = rounds.find((round) => !meeting([...standing, ...round, copy]));
    if (together) together.push(copy);
    else rounds.push([copy]);
    const alone = !together && meeting([...standing, copy]);
    if (alone) throw cycleWithSources(copy, alone);
  }
  return rounds;
}

/** Two ways from one stream to another, or one back to itself, as text; undefined: the server takes it. */
function meeting(edges: readonly Edge[]): string | undefined {
  const next = new Map<string, string[]>();
  for (const { origin, target } of edges) next.set(origin, [...(next.get(origin) ?? []), target]);
  for (const start of next.keys()) {
    const reached = new Map<string, string>();
    const visit = (stream: string, path: readonly string[]): string | undefined => {
      const way = [...path, stream];
      const other = reached.get(stream);
      if (path.includes(stream)) return way.join(' -> ');
      if (other !== undefined) return `${other} and ${way.join(' -> ')}`;
      reached.set(stream, way.join(' -> '));
      for (const target of next.get(stream) ?? []) {
        const found = visit(target, way);
        if (found !== undefined) return found;
      }
      return undefined;
    };
    const found = visit(start, []);
    if (found !== undefined) return found;
  }
  return undefined;
}

const cycleWithSources = ({ origin, target }: CopyRole, ways: string): OpsError =>
  new OpsError(
    'handover-cycle',
    `a copy ${origin} -> ${target} and the sources that stand would be a cycle to the server: ${ways}`,
    {
      kind: 'refused',
      hint: 'take the source away for the migration',
      details: { origin, target, ways },
    },
  );

/**
 * Who owns what when some copies have been handed over and others (`left`) have not: a stream that has given something keeps what stays
 * with it and what it has still to give, and one with nothing left to do stands as in `to`. Nothing overlaps: all of it is made of
 * intersections of the two modes.
 */
export function ownershipBetween(
  from: Ownership,
  to: Ownership,
  done: readonly CopyRole[],
  left: readonly CopyRole[],
): Ownership {
  const names = [...new Set([...Object.keys(from), ...Object.keys(to)])];
  const between = (stream: string): string[] => {
    const [before, after] = [realSubjects(from[stream] ?? []), realSubjects(to[stream] ?? [])];
    if (!left.some(({ origin, target }) => origin === stream || target === stream)) return after;
    const gained = done.filter(({ target }) => target === stream);
    const given = done.some(({ origin }) => origin === stream);
    const still = left.filter(({ origin }) => origin === stream);
    const own = given
      ? [...intersectSets(before, after), ...still.flatMap(({ filters }) => filters)]
      : before;
    return reduce([...own, ...gained.flatMap(({ filters }) => filters)]);
  };
  return Object.fromEntries(names.map((stream) => [stream, between(stream)]));
}
