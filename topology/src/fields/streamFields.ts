import type { FieldTable } from './kinds.ts';

const transform: FieldTable = {
  src: { wire: 'src', kind: 'text', required: true, doc: 'Subject filter of what is transformed' },
  dest: {
    wire: 'dest',
    kind: 'text',
    required: true,
    doc: 'Where to, e.g. `new.{{wildcard(1)}}`; empty: filter only',
  },
};

const origin: FieldTable = {
  name: { wire: 'name', kind: 'text', required: true, doc: 'The stream to copy from' },
  optStartSeq: { wire: 'opt_start_seq', kind: 'count', min: 1, doc: 'First sequence to copy' },
  optStartTime: { wire: 'opt_start_time', kind: 'time', doc: 'Copy what was stored from this instant on' },
  filterSubject: { wire: 'filter_subject', kind: 'text', doc: 'Copy only what this filter matches' },
  subjectTransforms: {
    wire: 'subject_transforms',
    kind: 'objects',
    fields: transform,
    doc: 'Filters and new subjects; not together with filterSubject',
  },
  external: {
    wire: 'external',
    kind: 'object',
    doc: 'The origin is in another account or domain',
    fields: {
      api: { wire: 'api', kind: 'text', required: true, doc: 'Prefix of its JetStream API' },
      deliver: { wire: 'deliver', kind: 'text', doc: 'Prefix of the delivery subject' },
    },
  },
};

/**
 * Every stream field that a topology file may set, except name and subjects (the mode's). Wire names as nats-server's
 * StreamConfig has them (server/stream.go); what is unset is the server's default.
 */
export const streamFields: FieldTable = {
  description: { wire: 'description', kind: 'text', doc: 'At most 4 KiB' },
  storage: { wire: 'storage', kind: 'choice', of: ['file', 'memory'], doc: 'Cannot change later' },
  retention: {
    wire: 'retention',
    kind: 'choice',
    of: ['limits', 'interest', 'workqueue'],
    doc: 'When messages go: by limits, once every consumer acked, or once one did',
  },
  discard: {
    wire: 'discard',
    kind: 'choice',
    of: ['old', 'new'],
    doc: 'At a limit: drop the oldest, or refuse the newest message',
  },
  discardNewPerSubject: {
    wire: 'discard_new_per_subject',
    kind: 'flag',
    doc: 'Refuse at maxMsgsPerSubject too; needs discard: new',
  },
  maxAge: { wire: 'max_age', kind: 'age', doc: 'Messages older than this are deleted' },
  maxMsgs: { wire: 'max_msgs', kind: 'limit', doc: 'Messages in the stream' },
  maxMsgsPerSubject: { wire: 'max_msgs_per_subject', kind: 'limit', doc: 'Messages of each subject' },
  maxBytes: { wire: 'max_bytes', kind: 'size', doc: 'Bytes in the stream' },
  maxMsgSize: { wire: 'max_msg_size', kind: 'size', doc: 'Bytes of one message, headers included' },
  maxConsumers: { wire: 'max_consumers', kind: 'limit', doc: 'Consumers of the stream' },
  replicas: { wire: 'num_replicas', kind: 'count', min: 1, doc: "1 to 5; unset: the environment's replicas" },
  duplicateWindow: {
    wire: 'duplicate_window',
    kind: 'duration',
    doc: 'How long a Nats-Msg-Id is remembered; at most maxAge',
  },
  compression: { wire: 'compression', kind: 'choice', of: ['none', 's2'], doc: 'Of the files on disk' },
  allowDirect: { wire: 'allow_direct', kind: 'flag', doc: 'Every replica may answer direct gets' },
  mirrorDirect: {
    wire: 'mirror_direct',
    kind: 'flag',
    doc: 'A mirror may answer direct gets for its origin',
  },
  allowRollupHdrs: { wire: 'allow_rollup_hdrs', kind: 'flag', doc: 'Publishers may roll up with a header' },
  allowMsgTtl: { wire: 'allow_msg_ttl', kind: 'flag', doc: 'Messages may carry a TTL (server 2.11)' },
  subjectDeleteMarkerTtl: {
    wire: 'subject_delete_marker_ttl',
    kind: 'duration',
    doc: 'How long delete markers stay (server 2.11)',
  },
  denyDelete: { wire: 'deny_delete', kind: 'flag', doc: 'No message can be deleted; cannot be taken back' },
  denyPurge: { wire: 'deny_purge', kind: 'flag', doc: 'The stream cannot be purged; cannot be taken back' },
  noAck: { wire: 'no_ack', kind: 'flag', doc: 'Publishers get no PubAck' },
  firstSeq: {
    wire: 'first_seq',
    kind: 'count',
    min: 1,
    doc: 'Sequence of the first message of a new stream',
  },
  mirror: { wire: 'mirror', kind: 'object', fields: origin, doc: 'The stream is a copy of another one' },
  sources: { wire: 'sources', kind: 'objects', fields: origin, doc: 'Streams that are copied into this one' },
  subjectTransform: {
    wire: 'subject_transform',
    kind: 'object',
    fields: transform,
    doc: 'Subjects are rewritten before a message is stored',
  },
  republish: {
    wire: 'republish',
    kind: 'object',
    doc: 'Every stored message is published again',
    fields: {
      src: { wire: 'src', kind: 'text', doc: 'Which ones; unset: all' },
      dest: { wire: 'dest', kind: 'text', required: true, doc: 'Where to' },
      headersOnly: { wire: 'headers_only', kind: 'flag', doc: 'Without the body' },
    },
  },
  placement: {
    wire: 'placement',
    kind: 'object',
    doc: 'Which servers hold the replicas',
    fields: {
      cluster: { wire: 'cluster', kind: 'text', doc: 'Name of the cluster' },
      tags: { wire: 'tags', kind: 'strings', doc: 'Tags that each server must have' },
      preferred: { wire: 'preferred', kind: 'text', doc: 'Server that should lead (2.11)' },
    },
  },
  metadata: { wire: 'metadata', kind: 'metadata', doc: 'At most 128 KiB; `_nats.` keys are the server’s' },
  consumerLimits: {
    wire: 'consumer_limits',
    kind: 'object',
    doc: 'What a consumer of the stream may ask for at most',
    fields: {
      inactiveThreshold: { wire: 'inactive_threshold', kind: 'duration', doc: 'Its inactiveThreshold' },
      maxAckPending: { wire: 'max_ack_pending', kind: 'count', min: 1, doc: 'Its maxAckPending' },
    },
  },
};
