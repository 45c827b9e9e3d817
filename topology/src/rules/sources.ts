import type { Path } from '../load/located.ts';
import type { StreamFields } from '../model.ts';
import { chooseFrom } from '../schema/suggest.ts';
import { own, type Rule, type RuleView, streamPath } from './rule.ts';

interface Origin {
  stream: string;
  from: string;
  path: Path;
}

function originsOf(view: RuleView, stream: string, { mirror, sources = [] }: StreamFields): Origin[] {
  const found: Origin[] = [];
  if (mirror && !mirror.external)
    found.push({ stream, from: mirror.name, path: [...streamPath(view, stream, 'mirror'), 'name'] });
  for (const [at, source] of sources.entries())
    if (!source.external)
      found.push({ stream, from: source.name, path: [...streamPath(view, stream, 'sources'), at, 'name'] });
  return found;
}

const allOrigins = (view: RuleView): Origin[] =>
  Object.entries(view.topology.streams).flatMap(([stream, fields]) => originsOf(view, stream, fields));

/** Each message would go round for ever; the server refuses it (10052, "detected cycle"). */
export const sourceCycle: Rule = {
  code: 'source-cycle',
  severity: 'error',
  why: 'streams that source each other would copy each message for ever (10052)',
  *check(view) {
    const origins = allOrigins(view);
    const from = new Map<string, Origin[]>();
    for (const origin of origins) from.set(origin.stream, [...(from.get(origin.stream) ?? []), origin]);
    const finished = new Set<string>();
    const reported = new Set<string>();
    for (const stream of from.keys()) {
      for (const cycle of cyclesFrom(stream, from, finished, [])) {
        const names = cycle.map((origin) => origin.stream);
        const key = [...names].sort().join('\n');
        const last = cycle.at(-1);
        if (reported.has(key) || !last) continue;
        reported.add(key);
        yield {
          path: last.path,
          message:
            cycle.length === 1
              ? `stream ${last.stream} sources itself`
              : `streams source each other: ${[...names, names[0]].join(' <- ')}`,
          fix: 'take one of these sources away',
        };
      }
    }
  },
};

function* cyclesFrom(
  stream: string,
  from: Map<string, Origin[]>,
  finished: Set<string>,
  way: Origin[],
): Generator<Origin[]> {
  if (finished.has(stream)) return;
  const seenAt = way.findIndex((origin) => origin.stream === stream);
  if (seenAt !== -1) {
    yield way.slice(seenAt);
    return;
  }
  for (const origin of from.get(stream) ?? [])
    yield* cyclesFrom(origin.from, from, finished, [...way, origin]);
  finished.add(stream);
}

/** An origin may be made by others, but is most often a mistyped name. */
export const unknownOrigin: Rule = {
  code: 'unknown-origin',
  severity: 'warning',
  why: 'a source or mirror of a stream that `streams` does not have copies nothing unless somebody else makes it',
  *check(view) {
    if (!view.isWhole(['streams'], 1)) return;
    for (const { stream, from, path } of allOrigins(view))
      if (!Object.hasOwn(view.topology.streams, from))
        yield {
          path,
          message: `stream ${stream} copies from ${from}, which is not declared`,
          fix: chooseFrom(from, Object.keys(view.topology.streams)),
        };
  },
};

/**
 * nats-server 2.14 and newer read such a stream through a consumer that acks. Started again, a single server finds it before those whose names sort behind
 * it, and for a moment nobody else wants anything (0 of 600 messages left on 2.14.6 and 2.15.1; docs/adr/0023).
 */
export const copiedInterest: Rule = {
  code: 'copied-interest',
  severity: 'warning',
  why: 'a single nats-server from 2.14 on that is started again drops what a stream of interest still has for its durables, if another stream copies from it',
  *check(view) {
    const fewest = Math.min(...Object.values(view.file.environments).map(({ replicas = 1 }) => replicas));
    for (const { stream, from, path } of allOrigins(view)) {
      const { retention, num_replicas = fewest } = own(view.topology.streams, from) ?? {};
      if (retention === 'interest' && num_replicas <= 1)
        yield {
          path,
          message: `stream ${stream} copies from ${from}, which has retention interest and one replica: a restart of its server may empty it`,
          fix: `give ${from} retention limits, or three replicas`,
        };
    }
  },
};

/** A mirror has nothing but its origin. */
export const mirrorAlone: Rule = {
  code: 'mirror-alone',
  severity: 'error',
  why: 'a mirror has no subjects (10034) and no sources (10031) of its own',
  *check(view) {
    for (const [stream, { mirror, sources }] of Object.entries(view.topology.streams)) {
      if (!mirror) continue;
      if (sources)
        yield {
          path: streamPath(view, stream, 'sources'),
          message: `stream ${stream} is a mirror and has sources`,
          fix: 'keep one of the two',
        };
      for (const [mode, { subjects = {} }] of Object.entries(view.file.modes))
        if (own(subjects, stream)?.length)
          yield {
            path: ['modes', mode, 'subjects', stream],
            at: 'key',
            message: `stream ${stream} is a mirror and has subjects in mode ${mode}`,
            fix: 'take its subjects away, or write sources instead of mirror',
          };
    }
  },
};
