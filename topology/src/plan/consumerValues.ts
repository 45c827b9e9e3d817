import type { ConsumerConfig, StreamConfig } from '../jetstream/wire.ts';
import { EMPTY_LIST, sorted, withoutServerMetadata } from './values.ts';

type Config = Partial<ConsumerConfig>;

/** What a consumer's defaults depend on: its stream, and the account's own limit (-1 or 0: none). */
export interface ConsumerSurroundings {
  stream: Pick<StreamConfig, 'consumer_limits' | 'num_replicas'>;
  accountMaxAckPending?: number;
}

type Read = (config: Config, surroundings: ConsumerSurroundings) => unknown;

/** server/consumer.go: JsAckWaitDefault, JSWaitQueueDefaultMax, JsDefaultMaxAckPending. */
const ACK_WAIT_NS = 30e9;
const MAX_WAITING = 512;
const MAX_ACK_PENDING = 1000;

const acks = (config: Config): boolean => (config.ack_policy ?? 'none') !== 'none';

/**
 * The consumer fields that a plan compares, and each as it counts: unset is what the server makes of it (server/consumer.go,
 * setConsumerConfigDefaults), one filter is a list of one. `deliver_policy` and `opt_start_*` are not among them.
 */
export const consumerValues: Readonly<Record<string, Read>> = {
  description: (config) => config.description ?? '',
  filter_subjects: (config) =>
    config.filter_subject && !config.filter_subjects?.length
      ? [config.filter_subject]
      : sorted(config.filter_subjects),
  ack_policy: (config) => config.ack_policy ?? 'none',
  ack_wait: (config) => config.backoff?.[0] ?? (config.ack_wait || (acks(config) ? ACK_WAIT_NS : 0)), // the server lets backoff win
  max_deliver: (config) => Math.max(config.max_deliver ?? -1, 0) || -1,
  backoff: (config) => (config.backoff?.length ? config.backoff : EMPTY_LIST),
  max_ack_pending: maxAckPending,
  max_waiting: (config) => config.max_waiting || (config.deliver_subject ? 0 : MAX_WAITING),
  max_batch: (config) => config.max_batch ?? 0,
  max_bytes: (config) => config.max_bytes ?? 0,
  max_expires: (config) => config.max_expires ?? 0,
  inactive_threshold: (config, { stream }) =>
    config.inactive_threshold || (stream.consumer_limits?.inactive_threshold ?? 0),
  headers_only: (config) => config.headers_only ?? false,
  replay_policy: (config) => config.replay_policy ?? 'instant',
  mem_storage: (config) => config.mem_storage ?? false,
  num_replicas: (config, { stream }) => config.num_replicas || stream.num_replicas || 1,
  deliver_subject: (config) => config.deliver_subject ?? '',
  metadata: (config) => withoutServerMetadata(config.metadata),
};

/** A server may limit the default further (jetstream limits). */
function maxAckPending(config: Config, { stream, accountMaxAckPending = -1 }: ConsumerSurroundings): number {
  if (config.max_ack_pending) return config.max_ack_pending;
  const ofStream = stream.consumer_limits?.max_ack_pending ?? 0;
  if (ofStream !== 0) return ofStream;
  if (!acks(config)) return 0;
  return accountMaxAckPending > 0 ? Math.min(accountMaxAckPending, MAX_ACK_PENDING) : MAX_ACK_PENDING;
}
