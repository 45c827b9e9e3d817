import type { ConsumerConfig, StreamConfig } from '../jetstream/wire.ts';

const MINUTE_NS = 60e9;
/** server/stream.go, StreamDefaultDuplicatesWindow. */
const DUPLICATE_WINDOW = 2 * MINUTE_NS;
/** server/consumer.go: JsAckWaitDefault, JSWaitQueueDefaultMax, JsDefaultMaxAckPending. */
const ACK_WAIT = MINUTE_NS / 2;
const MAX_WAITING = 512;
const MAX_ACK_PENDING = 1000;

/** What a server makes of fields that nobody set (server/stream.go, checkStreamCfg), as far as it does not depend on others. */
const STREAM: Readonly<Record<string, unknown>> = {
  description: '',
  retention: 'limits',
  storage: 'file',
  discard: 'old',
  discard_new_per_subject: false,
  max_age: 0,
  max_msgs: -1,
  max_msgs_per_subject: -1,
  max_bytes: -1,
  max_msg_size: -1,
  max_consumers: -1,
  num_replicas: 1,
  duplicate_window: DUPLICATE_WINDOW,
  compression: 'none',
  allow_direct: false,
  mirror_direct: false,
  allow_rollup_hdrs: false,
  allow_msg_ttl: false,
  subject_delete_marker_ttl: 0,
  deny_delete: false,
  deny_purge: false,
  sealed: false,
  no_ack: false,
  mirror: null,
  sources: [],
  subject_transform: null,
  republish: null,
  placement: null,
  metadata: {},
  consumer_limits: {},
};

/** The stream fields that a plan compares, by wire name; all others are left as they stand. */
export const comparedStreamFields: readonly string[] = Object.keys(STREAM);

/** The server's defaults under the fields that are set. Where the server itself limits the window (jetstream limits), it is less. */
export function withStreamDefaults(config: Partial<StreamConfig>): Record<string, unknown> {
  const filled: Record<string, unknown> = { ...STREAM, ...defined(config) };
  for (const limit of ['max_msgs', 'max_msgs_per_subject', 'max_bytes', 'max_msg_size', 'max_consumers']) {
    if ((filled[limit] as number) <= 0) filled[limit] = -1;
  }
  if (!config.duplicate_window) {
    const age = filled['max_age'] as number;
    const copies = config.mirror !== undefined || (config.sources?.length ?? 0) > 0;
    filled['duplicate_window'] = copies ? 0 : age > 0 ? Math.min(age, DUPLICATE_WINDOW) : DUPLICATE_WINDOW;
  }
  if ((filled['subject_delete_marker_ttl'] as number) > 0) {
    filled['allow_msg_ttl'] = true;
    filled['allow_rollup_hdrs'] = true;
  }
  return filled;
}

const CONSUMER: Readonly<Record<string, unknown>> = {
  description: '',
  filter_subjects: [],
  ack_policy: 'none',
  ack_wait: ACK_WAIT,
  max_deliver: -1,
  backoff: [],
  max_ack_pending: MAX_ACK_PENDING,
  max_waiting: MAX_WAITING,
  max_batch: 0,
  max_bytes: 0,
  max_expires: 0,
  inactive_threshold: 0,
  headers_only: false,
  replay_policy: 'instant',
  mem_storage: false,
  num_replicas: 0,
  deliver_subject: '',
  metadata: {},
};

/** The consumer fields that a plan compares, by wire name; `deliver_policy` and `opt_start_*` are not among them. */
export const comparedConsumerFields: readonly string[] = Object.keys(CONSUMER);

/** What a consumer's defaults depend on: its stream, and the account's own limit (-1 or 0: none). */
export interface ConsumerSurroundings {
  stream: Pick<StreamConfig, 'consumer_limits' | 'num_replicas'>;
  accountMaxAckPending?: number;
}

/** The server's defaults under the fields that are set (server/consumer.go, setConsumerConfigDefaults). */
export function withConsumerDefaults(
  config: Partial<ConsumerConfig>,
  { stream, accountMaxAckPending = -1 }: ConsumerSurroundings,
): Record<string, unknown> {
  const filled: Record<string, unknown> = { ...CONSUMER, ...defined(config) };
  const limits = stream.consumer_limits ?? {};
  const acks = filled['ack_policy'] !== 'none';
  if (!config.ack_wait) filled['ack_wait'] = acks ? ACK_WAIT : 0;
  if (config.backoff?.length) filled['ack_wait'] = config.backoff[0]; // the server overrides it
  if ((filled['max_deliver'] as number) <= 0) filled['max_deliver'] = -1;
  if (!config.max_waiting) filled['max_waiting'] = config.deliver_subject ? 0 : MAX_WAITING;
  if (!config.inactive_threshold) filled['inactive_threshold'] = limits.inactive_threshold ?? 0;
  if (!config.max_ack_pending) {
    const most = accountMaxAckPending > 0 ? Math.min(accountMaxAckPending, MAX_ACK_PENDING) : MAX_ACK_PENDING;
    filled['max_ack_pending'] = limits.max_ack_pending || (acks ? most : 0);
  }
  if (!config.num_replicas) filled['num_replicas'] = stream.num_replicas ?? 1;
  return filled;
}

/** Without what is undefined or null, which on the wire both mean unset. */
const defined = (config: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined && value !== null));
