/**
 * JetStream's JSON API as it goes over the wire (ADR-2 of nats-architecture-and-design; field names as the server has
 * them). Only what we use is typed; unknown fields pass through reads and updates untouched.
 */
export interface SubjectTransform {
  src: string;
  dest: string;
}

export interface StreamSource {
  name: string;
  opt_start_seq?: number;
  opt_start_time?: string;
  filter_subject?: string;
  subject_transforms?: SubjectTransform[];
  external?: { api: string; deliver: string };
}

export interface StreamConfig {
  name: string;
  subjects?: string[];
  description?: string;
  retention?: 'limits' | 'interest' | 'workqueue';
  storage?: 'file' | 'memory';
  discard?: 'old' | 'new';
  discard_new_per_subject?: boolean;
  /** ns; 0 is unlimited. */
  max_age?: number;
  max_msgs?: number;
  max_msgs_per_subject?: number;
  max_bytes?: number;
  max_msg_size?: number;
  max_consumers?: number;
  num_replicas?: number;
  /** ns */
  duplicate_window?: number;
  compression?: 'none' | 's2';
  allow_direct?: boolean;
  mirror_direct?: boolean;
  allow_rollup_hdrs?: boolean;
  /** 2.11 */
  allow_msg_ttl?: boolean;
  /** ns; 2.11 */
  subject_delete_marker_ttl?: number;
  /** 2.12 */
  allow_atomic?: boolean;
  /** 2.14 */
  allow_batched?: boolean;
  /** 2.12; the server adds up what is published, and stores the sum in its place. */
  allow_msg_counter?: boolean;
  /** 2.12; messages that the server publishes later. */
  allow_msg_schedules?: boolean;
  deny_delete?: boolean;
  deny_purge?: boolean;
  sealed?: boolean;
  no_ack?: boolean;
  mirror?: StreamSource;
  sources?: StreamSource[];
  subject_transform?: SubjectTransform;
  republish?: { src?: string; dest: string; headers_only?: boolean };
  placement?: { cluster?: string; tags?: string[] };
  metadata?: Record<string, string>;
  consumer_limits?: { inactive_threshold?: number; max_ack_pending?: number };
  first_seq?: number;
}

export interface StreamState {
  messages: number;
  bytes: number;
  first_seq: number;
  first_ts: string;
  last_seq: number;
  last_ts: string;
  consumer_count: number;
  num_subjects?: number;
  num_deleted?: number;
  /** Only when asked for (`deleted_details`). */
  deleted?: number[];
  /** Only when asked for with a subjects filter: subject to message count. */
  subjects?: Record<string, number>;
}

export interface SourceInfo {
  name: string;
  /** Messages behind the origin. A lag of 0 alone has lied (nats-server#8346). */
  lag: number;
  /** ns since the last contact; -1 never. */
  active: number;
  filter_subject?: string;
  subject_transforms?: SubjectTransform[];
  error?: { code: number; err_code: number; description: string };
}

export interface StreamInfo {
  config: StreamConfig & { subjects: string[] };
  state: StreamState;
  created: string;
  ts?: string;
  mirror?: SourceInfo;
  sources?: SourceInfo[];
  cluster?: {
    name?: string;
    leader?: string;
    /** When it became that; 2.11, clusters only. */
    leader_since?: string;
    replicas?: { name: string; current: boolean; lag?: number; offline?: boolean }[];
  };
}

export interface ConsumerConfig {
  name?: string;
  durable_name?: string;
  description?: string;
  deliver_policy?: 'all' | 'last' | 'new' | 'by_start_sequence' | 'by_start_time' | 'last_per_subject';
  opt_start_seq?: number;
  opt_start_time?: string;
  ack_policy?: 'none' | 'all' | 'explicit';
  /** ns */
  ack_wait?: number;
  max_deliver?: number;
  /** ns each */
  backoff?: number[];
  filter_subject?: string;
  filter_subjects?: string[];
  replay_policy?: 'instant' | 'original';
  max_ack_pending?: number;
  max_waiting?: number;
  max_batch?: number;
  /** ns */
  max_expires?: number;
  max_bytes?: number;
  /** ns */
  inactive_threshold?: number;
  headers_only?: boolean;
  deliver_subject?: string;
  deliver_group?: string;
  num_replicas?: number;
  mem_storage?: boolean;
  metadata?: Record<string, string>;
  /** RFC 3339; 2.11. Nothing is delivered until then. An update leaves it as it is: `pauseConsumer` sets it. */
  pause_until?: string;
  /** The server's own, through which a source or a mirror reads; `sourcing` since 2.15. */
  direct?: boolean;
  sourcing?: boolean;
}

export interface SequencePair {
  consumer_seq: number;
  stream_seq: number;
  last_active?: string;
}

export interface ConsumerInfo {
  stream_name: string;
  name: string;
  created: string;
  config: ConsumerConfig;
  delivered: SequencePair;
  ack_floor: SequencePair;
  num_ack_pending: number;
  num_redelivered: number;
  num_waiting: number;
  num_pending: number;
  /** By the consumer's leader; 2.11. */
  paused?: boolean;
  push_bound?: boolean;
  cluster?: { leader?: string; replicas?: { name: string; current: boolean; offline?: boolean }[] };
}

/** What an account, or one of its tiers, may use and does use; -1 is unlimited. */
export interface AccountUse {
  memory: number;
  storage: number;
  reserved_memory?: number;
  reserved_storage?: number;
  streams: number;
  consumers: number;
  limits: {
    max_memory: number;
    max_storage: number;
    max_streams: number;
    max_consumers: number;
    max_bytes_required?: boolean;
  };
}

/** `$JS.API.INFO`. With tiers (`R1`, `R3`), limits are each tier's own. */
export interface AccountInfo extends AccountUse {
  tiers?: Record<string, AccountUse>;
  domain?: string;
}

export interface StoredMessage {
  subject: string;
  seq: number;
  /** RFC 3339 */
  time: string;
  data: Uint8Array;
  /** The raw header block, `NATS/1.0\r\n…`; empty without headers. */
  headers: Uint8Array;
}
