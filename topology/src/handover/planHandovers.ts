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
 * Throws OpsError `handover-cycle` or `handover-copies-meet` where the copies would be a cycle to the server (it answers 10052).
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

/**
 * What the server takes for a cycle of sources (10052): streams that would copy from one another, and a stream that is reached from another
 * in two ways, because the check of nats-server marks every stream that it has seen (checkStreamCfg in server/stream.go) and
 * sources with transforms have no filter that it could weigh. Noticed in the window it would leave the subjects without an owner.
 */
function refuseCycles(copies: CopyRole[]): void {
  const next = new Map<string, string[]>();
  for (const { origin, target } of copies) next.set(origin, [...(next.get(origin) ?? []), target]);
  for (const start of next.keys()) {
    const reached = new Map<string, string>();
    const visit = (stream: string, path: string[]): void => {
      const way = [...path, stream].join(' -> ');
      if (path.includes(stream)) {
        const cycle = [...path.slice(path.indexOf(stream)), stream].join(' -> ');
        throw new OpsError('handover-cycle', `streams would have to copy from one another: ${cycle}`, {
          kind: 'refused',
          hint: 'go through a mode in between that breaks the circle: first one direction, then the other',
          details: { cycle },
        });
      }
      const other = reached.get(stream);
      if (other) {
        throw new OpsError(
          'handover-copies-meet',
          `the server takes copies that meet for a cycle: ${other} and ${way}`,
          {
            kind: 'refused',
            hint: 'go through a mode in between: first one of the two ways, then the other',
            details: { ways: [other, way] },
          },
        );
      }
      reached.set(stream, way);
      for (const target of next.get(stream) ?? []) visit(target, [...path, stream]);
    };
    visit(start, []);
  }
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
