import type { ConsumerConfig, ConsumerInfo } from '../jetstream/wire.ts';
import type { DesiredConsumer } from '../model.ts';
import type { ServerKind } from './capabilities.ts';
import { classifyConsumerField, type WireChange, worst } from './classify.ts';
import type { ConsumerSurroundings } from './consumerValues.ts';
import { fieldChange, REPLACE_HINT, reasons } from './describe.ts';
import { type PlannedChange, UNCHANGED } from './plan.ts';
import { serverMetadata } from './values.ts';
import { consumerWireChanges } from './wireChanges.ts';

/** Everything that decides what one durable's change is. */
export interface ConsumerCase {
  mode: string;
  desired: DesiredConsumer;
  live: ConsumerInfo | undefined;
  /** Streams of the topology on which a durable of that name stands, without the one it belongs on. */
  elsewhere: string[];
  /** Streams have still to hand subjects over, and durables move with them; without, a migration would change nothing. */
  subjectsMove: boolean;
  /** Messages that its stream holds now. */
  waiting: number;
  surroundings: ConsumerSurroundings;
  server: ServerKind;
}

/** The field-level change that brings one durable to what it should be; action `none` where nothing differs. */
export function diffConsumer(one: ConsumerCase): PlannedChange {
  return one.live ? diffExisting(one, one.live) : diffMissing(one);
}

function diffMissing(one: ConsumerCase): PlannedChange {
  const { name, fields } = one.desired;
  const set = Object.entries(fields).filter(([, value]) => value !== undefined);
  const base = {
    ...shell(one, { ...fields, durable_name: name, name }),
    fields: set.map(([wire, value]) => fieldChange('consumer', { wire, before: undefined, after: value })),
    messagesDeleted: 0,
  };
  if (one.elsewhere.length > 0) {
    return {
      ...base,
      action: 'handover',
      class: 'handover',
      reason: `does not exist here, but stands on ${one.elsewhere.join(', ')}: made anew it would lose its position`,
      hint: one.subjectsMove
        ? `aa-ops migrate --to ${one.mode}`
        : `aa-ops rollback, then aa-ops migrate --to ${one.mode}: only a way back knows where it has to go on`,
    };
  }
  const start = fields.deliver_policy ?? 'all';
  const waiting =
    one.waiting > 0 && start === 'all' ? `starts with the ${one.waiting} messages stored` : undefined;
  return { ...base, action: 'create', class: 'safe', reason: reasons('does not exist', waiting) };
}

function diffExisting(one: ConsumerCase, live: ConsumerInfo): PlannedChange {
  const changes = wireChanges(one, live);
  if (changes.length === 0) return unchangedConsumer(one.desired.stream, live);
  const base = shell(one, updatedConfig(live.config, one.desired, changes));
  const verdicts = changes.map((change) => classifyConsumerField(change, one.server));
  const replaces = verdicts.some((verdict) => verdict.replace);
  return {
    ...base,
    action: replaces ? 'replace' : 'update',
    class: worst(verdicts.map((verdict) => verdict.class)),
    fields: changes.map((change) => fieldChange('consumer', change)),
    messagesDeleted: 0,
    reason: reasons(...verdicts.map((verdict) => verdict.why)) || 'differs from the topology',
    ...(replaces ? { hint: REPLACE_HINT } : {}),
  };
}

/** Written out in full: nearly all changes are such, and spreads took half the time of a large plan. */
const unchangedConsumer = (stream: string, live: ConsumerInfo): PlannedChange => ({
  kind: 'consumer',
  name: live.name,
  stream,
  action: 'none',
  class: 'safe',
  fields: UNCHANGED.fields,
  messagesDeleted: 0,
  reason: UNCHANGED.reason,
  overlaps: UNCHANGED.overlaps,
  seen: live,
  config: live.config,
});

function wireChanges(one: ConsumerCase, live: ConsumerInfo): readonly WireChange[] {
  const changes = consumerWireChanges(live.config, one.desired.fields, one.surroundings);
  if (changes.length === 0) return changes;
  const push = Boolean(live.config.deliver_subject);
  const backoff = changes.some(({ wire }) => wire === 'backoff');
  return changes.filter(
    // a push consumer has no max_waiting; the first back-off is the ack wait, and shown already
    ({ wire }) => !(push && wire === 'max_waiting') && !(backoff && wire === 'ack_wait'),
  );
}

const shell = (one: ConsumerCase, config: ConsumerConfig) => ({
  kind: 'consumer' as const,
  name: one.desired.name,
  stream: one.desired.stream,
  seen: one.live,
  config,
  overlaps: [],
});

/** The live config with the changed fields as desired; where it started, and what nobody compares, stays as it is. */
function updatedConfig(
  live: ConsumerConfig,
  desired: DesiredConsumer,
  changes: readonly WireChange[],
): ConsumerConfig {
  const config: Record<string, unknown> & ConsumerConfig = { ...live };
  const fields: Record<string, unknown> = { ...desired.fields };
  for (const { wire, after } of changes) {
    if (wire === 'filter_subjects') delete config.filter_subject;
    if (wire === 'metadata')
      config.metadata = { ...serverMetadata(live.metadata), ...desired.fields.metadata };
    else config[wire] = fields[wire] ?? after;
    if (wire === 'backoff') config.ack_wait = desired.fields.ack_wait ?? 0;
  }
  return config;
}
