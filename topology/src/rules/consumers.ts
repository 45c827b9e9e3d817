import { collisions, covers, isValidFilter, overlaps } from '../subjects/index.ts';
import {
  consumerPath,
  type Finding,
  own,
  type Placed,
  placedConsumers,
  type Rule,
  type RuleView,
} from './rule.ts';

/** Where one of its filters stands in the file. */
const filterPath = (view: RuleView, { mode, name }: Placed, at: number) => [
  ...consumerPath(view, mode.name, name, 'filterSubjects'),
  at,
];

/** What a stream may hold in a mode: its subjects, and what it sources or mirrors (undefined: not known here). */
function heldSubjects({ mode, subjects, streamFields }: Placed): string[] | undefined {
  const held = [...subjects];
  for (const origin of [streamFields.mirror, ...(streamFields.sources ?? [])]) {
    if (!origin) continue;
    const there = own(mode.subjects, origin.name);
    if (!there || origin.external || origin.subject_transforms) return undefined;
    held.push(...there);
  }
  return held;
}

/** The server accepts such a filter and delivers nothing (run on 2.10.26 and 2.15.1). */
export const filterOutsideStream: Rule = {
  code: 'filter-outside-stream',
  severity: 'error',
  why: 'the server accepts a filter outside its stream’s subjects, and the durable hears nothing, silently',
  *check(view) {
    for (const placed of placedConsumers(view)) {
      const held = heldSubjects(placed);
      if (!held?.length || !held.every(isValidFilter)) continue;
      if (!view.isWhole(['modes', placed.mode.name, 'subjects'])) continue;
      for (const [at, filter] of (placed.fields.filter_subjects ?? []).entries()) {
        if (!isValidFilter(filter) || covers(held, filter)) continue;
        const partly = held.some((subject) => overlaps(subject, filter));
        yield {
          path: filterPath(view, placed, at),
          message:
            `consumer ${placed.name} asks for ${filter}, which is ${partly ? 'partly ' : ''}outside ${placed.stream} ` +
            `in mode ${placed.mode.name} (${held.join(', ')})`,
          fix: fixFilter(view, placed, filter),
        };
      }
    }
  },
};

function fixFilter({ topology }: RuleView, { mode, stream, name }: Placed, filter: string): string {
  const holder = Object.keys(topology.streams).find(
    (other) => other !== stream && covers((own(mode.subjects, other) ?? []).filter(isValidFilter), filter),
  );
  return holder === undefined
    ? `give ${filter} to ${stream} in mode ${mode.name}, or narrow the filter`
    : `${holder} holds it in that mode: write modes.${mode.name}.consumers.${name}.stream: ${holder}`;
}

/** A durable waits for ever on a stream that no subject leads to. */
export const silentStream: Rule = {
  code: 'silent-stream',
  severity: 'error',
  why: 'a durable on a stream that owns no subjects in that mode hears nothing',
  *check(view) {
    for (const { mode, name, stream, subjects, streamFields } of placedConsumers(view))
      if (
        subjects.length === 0 &&
        !streamFields.mirror &&
        !streamFields.sources &&
        view.isWhole(['modes', mode.name, 'subjects'])
      )
        yield {
          path: ['modes', mode.name, 'consumers', name, 'stream'],
          message: `consumer ${name} lives on ${stream}, which hears nothing in mode ${mode.name}`,
          fix: `give ${stream} subjects in that mode, or place the consumer elsewhere`,
        };
  },
};

/** The filters of one durable must be disjoint. */
export const overlappingFilters: Rule = {
  code: 'overlapping-filters',
  severity: 'error',
  why: 'the server refuses a durable whose filters overlap (10138)',
  *check(view) {
    for (const placed of placedConsumers(view)) {
      const owned = (placed.fields.filter_subjects ?? []).map((subject, owner) => ({ subject, owner }));
      for (const [a, b] of collisions(owned.filter(({ subject }) => isValidFilter(subject))))
        yield {
          path: filterPath(view, placed, b.owner),
          message: `${b.subject} and ${a.subject} of consumer ${placed.name} overlap`,
          fix: 'leave one of them out',
        };
    }
  },
};

/** A work queue hands each message to one consumer. */
export const workqueueOverlap: Rule = {
  code: 'workqueue-overlap',
  severity: 'error',
  why: 'durables of a work queue must not share a subject (10099, 10100)',
  *check(view) {
    for (const [mode, all] of groupBy([...placedConsumers(view)], ({ mode }) => mode.name))
      for (const [stream, there] of groupBy(all, (placed) => placed.stream)) {
        if (there[0]?.streamFields.retention !== 'workqueue') continue;
        const owned = there.flatMap((placed) =>
          (placed.fields.filter_subjects ?? ['>']).map((subject) => ({ subject, owner: placed.name })),
        );
        for (const [a, b] of collisions(owned.filter(({ subject }) => isValidFilter(subject))))
          if (a.owner !== b.owner)
            yield {
              path: ['modes', mode, 'consumers', b.owner],
              at: 'key',
              message: `consumers ${a.owner} and ${b.owner} of the work queue ${stream} share ${b.subject}`,
              fix: 'make their filterSubjects disjoint',
            };
      }
  },
};

/** What a work queue asks of its consumers. */
export const workqueueConsumer: Rule = {
  code: 'workqueue-consumer',
  severity: 'error',
  why: 'a durable of a work queue acks explicitly (10098) and delivers all (10101)',
  *check(view) {
    for (const { mode, name, stream, fields, streamFields } of placedConsumers(view)) {
      if (streamFields.retention !== 'workqueue') continue;
      const finding = (field: string, value: string, fix: string): Finding => ({
        path: consumerPath(view, mode.name, name, field),
        message: `consumer ${name} of the work queue ${stream} has ${field}: ${value}`,
        fix,
      });
      const { ack_policy: ack, deliver_policy: deliver } = fields;
      if (ack !== undefined && ack !== 'explicit') yield finding('ackPolicy', ack, 'write explicit');
      if (deliver !== undefined && deliver !== 'all') yield finding('deliverPolicy', deliver, 'write all');
    }
  },
};

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}
