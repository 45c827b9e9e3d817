import type { ConsumerConfig, ConsumerInfo } from '../jetstream/wire.ts';
import type { DesiredConsumer } from '../model.ts';
import type { ServerKind } from './capabilities.ts';
import { classifyConsumerField, type WireChange, worst } from './classify.ts';
import { comparedConsumerFields, type ConsumerSurroundings } from './defaults.ts';
import { fieldChange, REPLACE_HINT, reasons } from './describe.ts';
import { comparableConsumer, sameValue } from './normalize.ts';
import type { PlannedChange } from './plan.ts';

/** Everything that decides what one durable's change is. */
export interface ConsumerCase {
  mode: string;
  desired: DesiredConsumer;
  live?: ConsumerInfo;
  /** Streams of the topology on which a durable of that name stands, without the one it belongs on. */
  elsewhere: string[];
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
      hint: `aa-ops migrate --to ${one.mode}`,
    };
  }
  const start = fields.deliver_policy ?? 'all';
  const waiting =
    one.waiting > 0 && start === 'all' ? `starts with the ${one.waiting} messages stored` : undefined;
  return { ...base, action: 'create', class: 'safe', reason: reasons('does not exist', waiting) };
}

function diffExisting(one: ConsumerCase, live: ConsumerInfo): PlannedChange {
  const before = comparableConsumer(live.config, one.surroundings);
  const after = comparableConsumer(one.desired.fields, one.surroundings);
  const push = before['deliver_subject'] !== '';
  const changes: WireChange[] = comparedConsumerFields
    .filter((wire) => !(push && wire === 'max_waiting')) // pull only, and gone with deliver_subject
    .filter((wire) => !sameValue(before[wire], after[wire]))
    .filter((wire, _, all) => !(wire === 'ack_wait' && all.includes('backoff'))) // its first entry, shown already
    .map((wire) => ({ wire, before: before[wire], after: after[wire] }));
  const base = shell(one, updatedConfig(live.config, one.desired, changes));
  if (changes.length === 0) {
    const reason = 'stands as it should';
    return { ...base, action: 'none', class: 'safe', fields: [], messagesDeleted: 0, reason };
  }
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

const shell = (one: ConsumerCase, config: ConsumerConfig) => ({
  kind: 'consumer' as const,
  name: one.desired.name,
  stream: one.desired.stream,
  ...(one.live ? { seen: one.live } : {}),
  config,
  overlaps: [],
});

/** The live config with the changed fields as desired; where it started, and what nobody compares, stays as it is. */
function updatedConfig(
  live: ConsumerConfig,
  desired: DesiredConsumer,
  changes: WireChange[],
): ConsumerConfig {
  const config: Record<string, unknown> & ConsumerConfig = { ...live };
  const fields: Record<string, unknown> = { ...desired.fields };
  for (const { wire, after } of changes) {
    if (wire === 'filter_subjects') delete config.filter_subject;
    if (wire === 'metadata') config.metadata = { ...serverMetadata(live), ...desired.fields.metadata };
    else config[wire] = fields[wire] ?? after;
    if (wire === 'backoff') config.ack_wait = desired.fields.ack_wait ?? 0;
  }
  return config;
}

const serverMetadata = ({ metadata }: ConsumerConfig): Record<string, string> =>
  Object.fromEntries(Object.entries(metadata ?? {}).filter(([key]) => key.startsWith('_nats.')));
