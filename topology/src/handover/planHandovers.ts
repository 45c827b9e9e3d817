import { OpsError } from '../errors.ts';
import { realSubjects } from '../model.ts';
import { coversAll, intersectSets, reduce } from '../subjects/sets.ts';
import type { CopyRole, HandoverGroup, Ownership, StreamRole } from './types.ts';

const sameSet = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((item) => b.includes(item));

/**
 * The pure diff of two ownerships as handovers. What leaves a stream for another is the intersection of what the one owns
 * before and the other owns after: within one mode no two subjects overlap, so every intersection is lost by the first.
 * Streams that exchange subjects, directly or through a third, form one group and share one window.
 * Throws OpsError `handover-cycle` where two streams would have to copy from one another (the server answers 10052).
 */
export function planHandovers(from: Ownership, to: Ownership): HandoverGroup[] {
  const names = [...new Set([...Object.keys(from), ...Object.keys(to)])].sort();
  const roles = new Map<string, StreamRole>();
  for (const stream of names) {
    const owned = reduce(realSubjects(from[stream] ?? []));
    const final = reduce(realSubjects(to[stream] ?? []));
    if (!sameSet(owned, final))
      roles.set(stream, { stream, owned, kept: intersectSets(owned, final), final });
  }
  const copies = planCopies([...roles.values()]);
  refuseCycles(copies);
  return groups([...roles.values()], copies);
}

function planCopies(roles: StreamRole[]): CopyRole[] {
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

function refuseCycles(copies: CopyRole[]): void {
  const next = new Map<string, string[]>();
  for (const { origin, target } of copies) next.set(origin, [...(next.get(origin) ?? []), target]);
  const visit = (stream: string, path: string[]): void => {
    if (path.includes(stream)) {
      const cycle = [...path.slice(path.indexOf(stream)), stream].join(' -> ');
      throw new OpsError('handover-cycle', `streams would have to copy from one another: ${cycle}`, {
        kind: 'refused',
        hint: 'go through a mode in between that breaks the circle: first one direction, then the other',
        details: { cycle },
      });
    }
    for (const target of next.get(stream) ?? []) visit(target, [...path, stream]);
  };
  for (const stream of next.keys()) visit(stream, []);
}

function groups(roles: StreamRole[], copies: CopyRole[]): HandoverGroup[] {
  const groupOf = new Map(roles.map(({ stream }) => [stream, stream]));
  const root = (stream: string): string => {
    const parent = groupOf.get(stream)!;
    return parent === stream ? stream : root(parent);
  };
  for (const { origin, target } of copies) groupOf.set(root(target), root(origin));
  const byRoot = new Map<string, HandoverGroup>();
  for (const role of roles) {
    const id = root(role.stream);
    const group = byRoot.get(id) ?? { id, streams: [], copies: [] };
    group.streams.push(role);
    byRoot.set(id, group);
  }
  for (const copy of copies) byRoot.get(root(copy.origin))!.copies.push(copy);
  return [...byRoot.values()];
}

/** Streams of a group that give something away: they hear less in the window than before. */
export const origins = (group: Pick<HandoverGroup, 'streams'>): StreamRole[] =>
  group.streams.filter(({ owned, kept }) => !coversAll(kept, owned));

/** Streams of a group that hear more at the end than in the window. */
export const targets = (group: Pick<HandoverGroup, 'streams'>): StreamRole[] =>
  group.streams.filter(({ kept, final }) => !coversAll(kept, final));
