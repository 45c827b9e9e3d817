import { realSubjects } from '../model.ts';
import { coversAll, intersectSets, reduce, sameFilters } from '../subjects/sets.ts';
import { type Edge, inRounds, ownershipBetween } from './rounds.ts';
import type { CopyRole, HandoverGroup, Ownership, StreamRole } from './types.ts';

export interface PlanOptions {
  /** Copies to hand over as early as possible: those along which a durable moves. */
  first?: (copy: CopyRole) => boolean;
  /** Sources of others, which stay: together with them, too, no copy may be a cycle to the server. */
  sources?: readonly Edge[];
}

/**
 * The pure diff of two ownerships as handovers, in their order. What leaves a stream for another is the intersection of what the one owns
 * before and the other owns after: within one mode no two subjects overlap, so every intersection is lost by the first.
 * Streams that exchange subjects, directly or through a third, form one group and share one window. Copies that the server would take
 * for a cycle come in rounds, one after the other (adr/0014). Throws OpsError `handover-cycle`, see `inRounds`.
 */
export function planHandovers(from: Ownership, to: Ownership, options: PlanOptions = {}): HandoverGroup[] {
  const copies = planCopies(rolesBetween(from, to));
  const isFirst = options.first ?? (() => false);
  const ordered = [...copies.filter(isFirst), ...copies.filter((copy) => !isFirst(copy))];
  const rounds = inRounds(ordered, options.sources);
  if (rounds.length < 2) return groups(rolesBetween(from, to), copies, 1);
  let owned = from;
  return rounds.flatMap((_, index) => {
    const next = ownershipBetween(
      from,
      to,
      rounds.slice(0, index + 1).flat(),
      rounds.slice(index + 1).flat(),
    );
    const roles = rolesBetween(owned, next);
    owned = next;
    return groups(roles, planCopies(roles), index + 1);
  });
}

/** The streams that do not own the same before and after. */
function rolesBetween(from: Ownership, to: Ownership): StreamRole[] {
  const names = [...new Set([...Object.keys(from), ...Object.keys(to)])].sort();
  return names.flatMap((stream): StreamRole[] => {
    const owned = reduce(realSubjects(from[stream] ?? []));
    const final = reduce(realSubjects(to[stream] ?? []));
    return sameFilters(owned, final) ? [] : [{ stream, owned, kept: intersectSets(owned, final), final }];
  });
}

function planCopies(roles: readonly StreamRole[]): CopyRole[] {
  const copies: CopyRole[] = [];
  for (const origin of roles) {
    for (const target of roles) {
      if (origin === target) continue;
      const filters = intersectSets(origin.owned, target.final);
      if (filters.length > 0) copies.push({ origin: origin.stream, target: target.stream, filters });
    }
  }
  return copies;
}

function groups(roles: StreamRole[], copies: readonly CopyRole[], round: number): HandoverGroup[] {
  const groupOf = new Map(roles.map(({ stream }) => [stream, stream]));
  const root = (stream: string): string => {
    const parent = groupOf.get(stream)!;
    return parent === stream ? stream : root(parent);
  };
  for (const { origin, target } of copies) groupOf.set(root(target), root(origin));
  const byRoot = new Map<string, HandoverGroup>();
  for (const role of roles) {
    const id = root(role.stream);
    const group = byRoot.get(id) ?? { id: round > 1 ? `${id}.${round}` : id, round, streams: [], copies: [] };
    group.streams.push(role);
    byRoot.set(id, group);
  }
  for (const copy of copies) byRoot.get(root(copy.origin))!.copies.push(copy);
  return [...byRoot.values()];
}

/** Streams of a group that give something away for good. */
export const origins = (group: Pick<HandoverGroup, 'streams'>): StreamRole[] =>
  group.streams.filter(({ owned, kept }) => !coversAll(kept, owned));
