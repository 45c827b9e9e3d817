import type { ConsumerConfig, ConsumerInfo, StreamConfig, StreamInfo } from '../jetstream/wire.ts';
import type { ModeReading } from '../live/readMode.ts';
import { realSubjects } from '../model.ts';
import { replacesFilters } from '../subjects/sets.ts';

export type Action = 'create' | 'update' | 'delete' | 'replace' | 'handover' | 'none';

/**
 * `safe` nobody notices · `disruptive` accepted in place, but somebody may notice · `destructive` deletes messages ·
 * `handover` subjects, or a whole stream, have to move: only `migrate` does that · `impossible` the server would refuse.
 */
export type ChangeClass = 'safe' | 'disruptive' | 'destructive' | 'handover' | 'impossible';

/** One field as the topology file names and writes it; null: not set, or empty. */
export interface FieldChange {
  path: string;
  before: unknown;
  after: unknown;
}

/** One stream or consumer, and what has to happen to it; the contract's JSON. */
export interface Change {
  kind: 'stream' | 'consumer';
  name: string;
  /** Where a consumer lives. */
  stream?: string;
  action: Action;
  class: ChangeClass;
  fields: FieldChange[];
  /** Messages that the change deletes at once, counted when the plan was made. */
  messagesDeleted: number;
  /** Why, in words, with everything that decided the class. */
  reason: string;
  /** What to do where `apply` cannot. */
  hint?: string;
}

/** A subject that one stream should have while another one still hears it: the server's 10065. */
export interface Overlap {
  /** The stream that should have it, and its subject there. */
  stream: string;
  subject: string;
  /** The stream that hears it now, and its subject there. */
  heldBy: string;
  heldSubject: string;
  /** The topology does not name the holder. */
  foreign: boolean;
}

/** A change and all that writing it needs. */
export type PlannedChange = Change & { overlaps: Overlap[] } & (
    | { kind: 'stream'; seen: StreamInfo | undefined; config: StreamConfig }
    | { kind: 'consumer'; stream: string; seen: ConsumerInfo | undefined; config: ConsumerConfig }
  );

export interface PlanSummary {
  create: number;
  update: number;
  delete: number;
  replace: number;
  handover: number;
  unchanged: number;
}

/** What is the same in every change of something that stands as it should. */
export const UNCHANGED: Pick<Change, 'action' | 'class' | 'fields' | 'messagesDeleted' | 'reason'> & {
  overlaps: Overlap[];
} = {
  action: 'none',
  class: 'safe',
  fields: Object.freeze<FieldChange[]>([]) as FieldChange[],
  messagesDeleted: 0,
  reason: 'stands as it should',
  overlaps: Object.freeze<Overlap[]>([]) as Overlap[],
};

/** The way from what stands to what should stand, as a value. */
export interface Plan {
  topology: string;
  environment: string;
  server: { version: string };
  mode: ModeReading;
  /** Streams before consumers; within each: create, update, replace, handover, none. That is also the order of writing. */
  changes: PlannedChange[];
  summary: PlanSummary;
  /** What stands beside the topology and is left alone. */
  unmanaged: { streams: string[]; consumers: { stream: string; name: string }[] };
}

const summaryKey = (action: Action): keyof PlanSummary => (action === 'none' ? 'unchanged' : action);

/** How many changes of each action; what stands as it should is `unchanged`. */
export function summarize(changes: readonly Pick<Change, 'action'>[]): PlanSummary {
  const summary: PlanSummary = { create: 0, update: 0, delete: 0, replace: 0, handover: 0, unchanged: 0 };
  for (const { action } of changes) summary[summaryKey(action)] += 1;
  return summary;
}

/** The changes that are to be done, in order. */
export const pending = (plan: Pick<Plan, 'changes'>): PlannedChange[] =>
  plan.changes.filter((change) => change.action !== 'none');

/** Streams that are to hear subjects of theirs by other filters: in one update they would store publishes twice (docs/adr/0020). */
export const throughWindow = (change: PlannedChange): boolean =>
  change.kind === 'stream' &&
  change.action === 'update' &&
  change.seen !== undefined &&
  replacesFilters(realSubjects(change.seen.config.subjects), realSubjects(change.config.subjects));

/** The same plan with the changes of one kind only: what `streams plan` and `consumers plan` show. */
export function onlyKind(plan: Plan, kind: Change['kind']): Plan {
  const changes = plan.changes.filter((change) => change.kind === kind);
  return { ...plan, changes, summary: summarize(changes) };
}

/** The plan as `plan --output json` prints it. */
export function planDocument(plan: Plan) {
  return {
    schemaVersion: 1,
    topology: plan.topology,
    environment: plan.environment,
    server: plan.server,
    mode: {
      live: plan.mode.live,
      ...(plan.mode.live === plan.mode.reference ? {} : { comparedWith: plan.mode.reference }),
      ...(plan.mode.differences.length > 0 ? { differences: plan.mode.differences } : {}),
    },
    changes: plan.changes.map(changeDocument),
    summary: plan.summary,
    unmanaged: plan.unmanaged,
  };
}

function changeDocument(change: PlannedChange) {
  return {
    kind: change.kind,
    name: change.name,
    ...(change.stream === undefined ? {} : { stream: change.stream }),
    action: change.action,
    class: change.class,
    fields: change.fields,
    messagesDeleted: change.messagesDeleted,
    reason: change.reason,
    ...(change.hint === undefined ? {} : { hint: change.hint }),
    ...(change.overlaps.length > 0 ? { overlaps: change.overlaps } : {}),
  };
}
