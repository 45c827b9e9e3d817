import type { ConsumerInfo } from '../jetstream/wire.ts';
import { formatField } from '../fields/index.ts';
import { has, type ServerKind, sinceVersion } from './capabilities.ts';
import type { ChangeClass } from './plan.ts';

/** One field that differs, in wire form. */
export interface WireChange {
  wire: string;
  before: unknown;
  after: unknown;
}

/** What changing a field means. `replace`: the server refuses it in place, so the thing has to be made anew. */
export interface Verdict {
  class: ChangeClass;
  replace?: boolean;
  why?: string;
}

/** What a verdict on a stream's field may depend on. */
export interface StreamCircumstances {
  server: ServerKind;
  consumers: readonly ConsumerInfo[];
  /** Servers that hold the stream. */
  replicas: number;
}

const SEVERITY: readonly ChangeClass[] = ['safe', 'disruptive', 'destructive', 'handover', 'impossible'];

/** The most severe of them; `safe` of none. */
export const worst = (classes: readonly ChangeClass[]): ChangeClass =>
  SEVERITY[Math.max(0, ...classes.map((one) => SEVERITY.indexOf(one)))]!;

const SAFE: Verdict = { class: 'safe' };
const disruptive = (why: string): Verdict => ({ class: 'disruptive', why });
const replace = (why: string): Verdict => ({ class: 'handover', replace: true, why });
const impossible = (why: string): Verdict => ({ class: 'impossible', why });

/** Seen on 2.15.1: the replicas' numbers of messages then differ for good (docs/handover.md, Retention). */
const LATE_REPLICA =
  'except on a replica that hears of it late: it drops meanwhile what the others keep, so make sure that all are current';

type StreamRule = (change: WireChange, circumstances: StreamCircumstances) => Verdict;

const lowered = (why: string): StreamRule => {
  return ({ before, after }) => (isTighter(before, after) ? disruptive(why) : SAFE);
};
const onlyOn = (why: string): StreamRule => {
  return ({ after }) => (after === true ? disruptive(why) : replace('cannot be taken back once set (10052)'));
};

/** Per field what the servers did when they were asked (test/int/plan/capabilities.int.test.ts and its like); a field that is absent is safe. */
const STREAM_RULES: Readonly<Record<string, StreamRule>> = {
  storage: () => replace('storage cannot change in place (10052)'),
  retention: ({ before, after }, { replicas }) => {
    if (before === 'workqueue' || after === 'workqueue')
      return replace('retention cannot change to or from workqueue in place (10052)');
    if (after === 'interest')
      return disruptive('from now on a message goes once every consumer has acked it');
    const kept = 'from now on acked messages stay until a limit takes them';
    return disruptive(replicas > 1 ? `${kept}, ${LATE_REPLICA}` : kept);
  },
  discard: ({ after }) =>
    disruptive(
      after === 'new'
        ? 'at a limit publishers are refused from now on'
        : 'at a limit the oldest messages go from now on',
    ),
  discard_new_per_subject: ({ after }) =>
    after === true ? disruptive('publishers are refused once a subject is full') : SAFE,
  max_age: lowered('messages expire earlier from now on'),
  max_msgs: lowered('fewer messages are kept from now on'),
  max_bytes: lowered('fewer bytes are kept from now on'),
  max_msgs_per_subject: lowered('fewer messages of each subject are kept from now on'),
  max_msg_size: lowered('larger messages are refused from now on'),
  max_consumers: (change, circumstances) =>
    has(circumstances.server.version, 'maxConsumersUpdate')
      ? lowered('fewer consumers may be made')(change, circumstances)
      : replace(
          `maxConsumers cannot change in place before nats-server ${sinceVersion('maxConsumersUpdate')} (10052)`,
        ),
  num_replicas: ({ before, after }, { server }) => {
    if (Number(after) > 1 && !server.clustered) return replicasAlone(server);
    return Number(after) < Number(before) ? disruptive('fewer servers may fail from then on') : SAFE;
  },
  duplicate_window: lowered('a retry of a publisher is recognised for less time'),
  sealed: () => replace('a sealed stream cannot be opened again (10052)'),
  deny_delete: onlyOn('no message can be deleted from then on, which cannot be taken back'),
  deny_purge: onlyOn('the stream cannot be purged from then on, which cannot be taken back'),
  allow_msg_ttl: (change, { server }) => {
    if (!has(server.version, 'messageTtl')) return needs('allowMsgTtl', 'messageTtl', server);
    return change.after === true ? SAFE : replace('allowMsgTtl cannot be taken back (10052)');
  },
  subject_delete_marker_ttl: (_, { server }) =>
    has(server.version, 'messageTtl') ? SAFE : needs('subjectDeleteMarkerTtl', 'messageTtl', server),
  no_ack: ({ after }) =>
    after === true ? disruptive('publishers that wait for a PubAck wait in vain from then on') : SAFE,
  mirror: ({ after }, { server }) => {
    if (after !== null) return replace('a mirror cannot be set or changed in place (10055)');
    return has(server.version, 'mirrorPromotion')
      ? disruptive('the mirror becomes a stream of its own')
      : replace(`a mirror cannot be promoted before nats-server ${sinceVersion('mirrorPromotion')} (10055)`);
  },
  sources: ({ before, after }) =>
    isSuperset(after, before) ? SAFE : disruptive('a source that is taken away or changed stops copying'),
  subject_transform: () => disruptive('messages are stored under other subjects from then on'),
  republish: () => disruptive('subscribers see republished messages differently from then on'),
  placement: () => disruptive('the data moves to other servers'),
  allow_rollup_hdrs: ({ after }) =>
    after === true ? SAFE : disruptive('publishes with a roll-up header are refused from then on'),
  allow_direct: ({ after }) =>
    after === true ? SAFE : disruptive('direct gets find no responder from then on'),
  consumer_limits: ({ after }, { consumers }) => exceedsConsumerLimits(after, consumers),
};

/** What an update of one stream field means on that server. */
export const classifyStreamField = (change: WireChange, circumstances: StreamCircumstances): Verdict =>
  STREAM_RULES[change.wire]?.(change, circumstances) ?? SAFE;

const CONSUMER_RULES: Readonly<Record<string, (change: WireChange, server: ServerKind) => Verdict>> = {
  ack_policy: () => replace('ackPolicy cannot change in place (10012)'),
  replay_policy: () => replace('replayPolicy cannot change in place (10012)'),
  max_waiting: () => replace('maxWaiting cannot change in place (10012)'),
  deliver_subject: () => replace('a push consumer cannot become a pull consumer in place (10012)'),
  mem_storage: (_, server) =>
    has(server.version, 'memStorageFixed')
      ? replace(
          `memStorage cannot change in place since nats-server ${sinceVersion('memStorageFixed')} (10012)`,
        )
      : disruptive('its state moves between memory and disk'),
  filter_subjects: () =>
    disruptive('it hears other subjects from then on; what it passed over stays passed over'),
  ack_wait: lowerForConsumer('unacked messages are delivered again earlier'),
  max_deliver: lowerForConsumer('messages already delivered that often are not delivered again'),
  backoff: () => disruptive('unacked messages are delivered again at other times'),
  headers_only: () => disruptive('deliveries change their form'),
  inactive_threshold: ({ before, after }) =>
    Number(after) > 0 && (Number(before) === 0 || Number(after) < Number(before))
      ? disruptive('the server deletes it when nobody pulls for so long')
      : SAFE,
  max_batch: tighterPull('pulls that ask for more messages are refused'),
  max_bytes: tighterPull('pulls that ask for more bytes are refused'),
  max_expires: tighterPull('pulls that wait longer are refused'),
};

function lowerForConsumer(why: string) {
  return ({ before, after }: WireChange): Verdict => (isTighter(before, after) ? disruptive(why) : SAFE);
}

function tighterPull(why: string) {
  return ({ before, after }: WireChange): Verdict =>
    Number(after) > 0 && isTighter(before, after) ? disruptive(why) : SAFE;
}

/** What an update of one consumer field means on that server. */
export const classifyConsumerField = (change: WireChange, server: ServerKind): Verdict =>
  CONSUMER_RULES[change.wire]?.(change, server) ?? SAFE;

/** What making a stream with these fields anew means on that server. */
export function classifyCreate(fields: Record<string, unknown>, server: ServerKind): Verdict {
  if (Number(fields['num_replicas']) > 1 && !server.clustered)
    return impossible(
      `${Number(fields['num_replicas'])} replicas need a cluster, and this server stands alone (10074)`,
    );
  if (!has(server.version, 'messageTtl')) {
    if (fields['allow_msg_ttl'] === true) return needs('allowMsgTtl', 'messageTtl', server);
    if (Number(fields['subject_delete_marker_ttl']) > 0)
      return needs('subjectDeleteMarkerTtl', 'messageTtl', server);
  }
  return SAFE;
}

/** 0 and -1 are no limit. */
function isTighter(before: unknown, after: unknown): boolean {
  const limit = (value: unknown) => (Number(value) <= 0 ? Number.POSITIVE_INFINITY : Number(value));
  return limit(after) < limit(before);
}

function isSuperset(after: unknown, before: unknown): boolean {
  const kept = new Set((after as object[]).map((one) => JSON.stringify(one)));
  return (before as object[]).every((one) => kept.has(JSON.stringify(one)));
}

const replicasAlone = (server: ServerKind): Verdict =>
  has(server.version, 'replicasChecked')
    ? impossible('more than one replica needs a cluster, and this server stands alone (10074)')
    : { class: 'safe', why: `nats-server ${server.version} accepts it, but alone it keeps one replica` };

const needs = (field: string, capability: 'messageTtl', server: ServerKind): Verdict =>
  impossible(`${field} needs nats-server ${sinceVersion(capability)}, this one is ${server.version}`);

function exceedsConsumerLimits(after: unknown, consumers: readonly ConsumerInfo[]): Verdict {
  const limits = after as { inactive_threshold?: number; max_ack_pending?: number };
  const over = consumers.filter(
    ({ config }) =>
      exceeds(config.inactive_threshold, limits.inactive_threshold) ||
      exceeds(config.max_ack_pending, limits.max_ack_pending),
  );
  if (over.length === 0) return SAFE;
  const shown = JSON.stringify(formatField('stream', 'consumer_limits', after));
  return impossible(`${over.map(({ name }) => name).join(', ')} would be above consumerLimits ${shown}`);
}

const exceeds = (value: number | undefined, limit: number | undefined): boolean =>
  (limit ?? 0) > 0 && (value ?? 0) > limit!;
