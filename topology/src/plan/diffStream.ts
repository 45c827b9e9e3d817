import type { StreamConfig } from '../jetstream/wire.ts';
import type { LiveStream } from '../live/liveAccount.ts';
import { realSubjects } from '../model.ts';
import { covers, intersectSets, replacesFilters } from '../subjects/sets.ts';
import { type DesiredStream, placeholderSubject, RESERVED_PREFIX } from '../model.ts';
import type { ServerKind } from './capabilities.ts';
import { classifyCreate, classifyStreamField, type Verdict, type WireChange, worst } from './classify.ts';
import { createConfig } from './createConfig.ts';
import { type Deletion, NO_DELETION } from './deletions.ts';
import { fieldChange, REPLACE_HINT, reasons } from './describe.ts';
import { handoverSources } from './streamValues.ts';
import { serverMetadata } from './values.ts';
import { streamWireChanges } from './wireChanges.ts';
import { describeOverlap } from './overlaps.ts';
import { type FieldChange, type Overlap, type PlannedChange, UNCHANGED } from './plan.ts';

/** Everything that decides what one stream's change is. */
export interface StreamCase {
  mode: string;
  desired: DesiredStream;
  live: LiveStream | undefined;
  server: ServerKind;
  /** Subjects that it should have and another stream still hears. */
  gains: Overlap[];
  /** Subjects that it hears and another stream of the topology should have. */
  losses: Overlap[];
  deletion: Deletion | undefined;
  /** A migration is under way: its sources, and the windows it narrows for a while, are not drift. */
  runOpen: boolean;
}

/** The field-level change that brings one stream to what it should be; action `none` where nothing differs. */
export function diffStream(one: StreamCase): PlannedChange {
  return one.live ? diffExisting(one, one.live) : diffMissing(one);
}

function diffMissing(one: StreamCase): PlannedChange {
  const config = createConfig(one.desired);
  const verdict = classifyCreate({ ...config }, one.server);
  const taken = overlapVerdict(one.gains, one.mode);
  const closed = realSubjects(config.subjects).length === 0 && !config.mirror;
  const why = closed ? `owns nothing in mode ${one.mode}: hears a placeholder only` : undefined;
  const verdicts = [verdict, ...taken.verdicts];
  return {
    ...shell(one, config),
    action: taken.handover ? 'handover' : 'create',
    class: worst(verdicts.map((each) => each.class)),
    fields: createdFields(one.desired),
    messagesDeleted: 0,
    reason: reasons('does not exist', why, ...verdicts.map((each) => each.why)),
    ...(taken.hint ? { hint: taken.hint } : {}),
  };
}

function createdFields({ subjects, fields }: DesiredStream): FieldChange[] {
  const set = Object.entries(fields).filter(([, value]) => value !== undefined);
  return [
    ...(fields.mirror ? [] : [{ path: 'subjects', before: null, after: realSubjects(subjects) }]),
    ...set.map(([wire, value]) => fieldChange('stream', { wire, before: undefined, after: value })),
  ];
}

function diffExisting(one: StreamCase, live: LiveStream): PlannedChange {
  const changes = wireChanges(one, live);
  if (changes.length === 0) return { ...shell(one, live.info.config), ...UNCHANGED };
  const config = updatedConfig(live.info.config, one.desired, changes);

  const moves = overlapVerdict([...one.gains, ...one.losses], one.mode);
  const replicas = live.info.config.num_replicas ?? 1;
  const circumstances = { server: one.server, consumers: live.consumers, replicas };
  const verdicts: Verdict[] = changes.flatMap((change) =>
    change.wire === 'subjects'
      ? [subjectsVerdict(change, one)]
      : [classifyStreamField(change, circumstances)],
  );
  if (changes.some((change) => change.wire === 'subjects')) verdicts.push(...moves.verdicts);
  const deletion = one.deletion ?? NO_DELETION;
  if (deletion.messages > 0) verdicts.push({ class: 'destructive', why: deletion.why });
  const severity = worst(verdicts.map((each) => each.class));
  const replaces = verdicts.some((each) => each.replace);
  const hint = moves.hint ?? (replaces ? REPLACE_HINT : undefined);
  return {
    ...shell(one, config),
    action: replaces ? 'replace' : moves.handover && severity === 'handover' ? 'handover' : 'update',
    class: severity,
    fields: changes.map((change) => fieldChange('stream', change)),
    messagesDeleted: deletion.messages,
    reason: reasons(...verdicts.map((each) => each.why)) || 'differs from the topology',
    ...(hint ? { hint } : {}),
  };
}

const shell = (one: StreamCase, config: StreamConfig) => ({
  kind: 'stream' as const,
  name: one.desired.name,
  seen: one.live?.info,
  config,
  overlaps: [...one.gains, ...one.losses],
});

function wireChanges(one: StreamCase, live: LiveStream): readonly WireChange[] {
  const copying = one.runOpen && handoverSources(live.info.config).length > 0;
  const config = copying ? withoutHandover(live.info.config) : live.info.config;
  const changes = streamWireChanges(config, createConfig(one.desired));
  const isFree = (wire: string): boolean =>
    wire === 'duplicate_window'
      ? copying || windowDependsOnHistory(one.desired)
      : copying && wire === 'max_msg_size';
  return changes.filter(({ wire }) => !isFree(wire));
}

/** A copy that sets no window has none if it was made as a copy, and keeps its own if it became one. */
const windowDependsOnHistory = ({ fields }: DesiredStream): boolean =>
  !fields.duplicate_window && (fields.mirror !== undefined || (fields.sources?.length ?? 0) > 0);

function withoutHandover(config: StreamConfig): StreamConfig {
  const ours = handoverSources(config);
  return { ...config, sources: (config.sources ?? []).filter((source) => !ours.includes(source)) };
}

/** The live config with the changed fields as desired; what nobody compares stays as it is. */
function updatedConfig(
  live: StreamConfig,
  desired: DesiredStream,
  changes: readonly WireChange[],
): StreamConfig {
  const config: Record<string, unknown> & StreamConfig = { ...live };
  const fields: Record<string, unknown> = { ...desired.fields };
  for (const { wire, after } of changes) {
    if (wire === 'subjects') config.subjects = writtenSubjects(live, desired);
    else if (wire === 'sources') config.sources = desired.fields.sources ?? [];
    else if (wire === 'metadata')
      config.metadata = { ...serverMetadata(live.metadata), ...desired.fields.metadata };
    else if (after === null) delete config[wire];
    else config[wire] = fields[wire] ?? after;
  }
  return config;
}

/** Other subjects that aa-ops keeps for itself stay; the placeholder stands only where nothing else does. */
function writtenSubjects(live: StreamConfig, desired: DesiredStream): string[] {
  const own = realSubjects(desired.subjects);
  const placeholder = placeholderSubject(desired.name);
  const reserved = (live.subjects ?? []).filter(
    (subject) => subject.startsWith(RESERVED_PREFIX) && subject !== placeholder,
  );
  return own.length > 0 ? [...own, ...reserved] : [placeholder, ...reserved];
}

/** Subjects that come from or go to nobody, and those that stay, heard by another filter. */
function subjectsVerdict({ before, after }: WireChange, one: StreamCase): Verdict {
  const heard = after as string[];
  const window = replacesFilters(before as string[], heard)
    ? 'what it hears by another filter from then on goes through a window: publishes are held for its time'
    : undefined;
  const moving = new Set(one.losses.map(({ heldSubject }) => heldSubject));
  const dropped = (before as string[])
    .filter((subject) => !covers(heard, subject) && !moving.has(subject))
    .map((subject) => (intersectSets([subject], heard).length > 0 ? `the rest of ${subject}` : subject));
  if (dropped.length === 0) return { class: 'safe', ...(window ? { why: window } : {}) };
  const refused = `${dropped.join(', ')} has no other owner in mode ${one.mode}: publishers that nobody else hears are refused (503)`;
  return { class: 'disruptive', why: reasons(refused, window) };
}

function overlapVerdict(overlaps: readonly Overlap[], mode: string) {
  const foreign = overlaps.filter((overlap) => overlap.foreign);
  const managed = overlaps.filter((overlap) => !overlap.foreign);
  const verdicts: Verdict[] = [];
  if (foreign.length > 0) {
    verdicts.push({
      class: 'impossible',
      why: `the server would answer 10065, subjects overlap: ${foreign.map(describeOverlap).join(', ')}; the topology does not name it`,
    });
  }
  if (managed.length > 0) {
    verdicts.push({
      class: 'handover',
      why: managed
        .map((o) => `${o.stream} takes ${o.subject} over from ${o.heldBy}, which hears ${o.heldSubject}`)
        .join('; '),
    });
  }
  const [inTheWay] = foreign;
  const hint = inTheWay
    ? `take ${inTheWay.heldSubject} away from ${inTheWay.heldBy} or delete it (nats stream rm ${inTheWay.heldBy}), or name it in the topology so that its subjects can be handed over`
    : managed.length > 0
      ? `aa-ops migrate --to ${mode}`
      : undefined;
  return { verdicts, handover: foreign.length === 0 && managed.length > 0, hint };
}
