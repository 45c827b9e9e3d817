import type { FieldTable } from './kinds.ts';

/**
 * Every field of a durable pull consumer that a topology file may set, except its name and stream (the mode's). Wire
 * names as nats-server's ConsumerConfig has them (server/consumer.go); what is unset is the server's default.
 */
export const consumerFields: FieldTable = {
  description: { wire: 'description', kind: 'text', doc: 'At most 4 KiB' },
  filterSubjects: {
    wire: 'filter_subjects',
    kind: 'strings',
    doc: 'What it hears; they must not overlap. Unset: everything in its stream',
  },
  ackPolicy: {
    wire: 'ack_policy',
    kind: 'choice',
    of: ['explicit', 'all', 'none'],
    doc: 'What an ack settles',
  },
  deliverPolicy: {
    wire: 'deliver_policy',
    kind: 'choice',
    of: ['all', 'last', 'new', 'by_start_sequence', 'by_start_time', 'last_per_subject'],
    doc: 'Where a new durable starts; never compared',
  },
  optStartSeq: { wire: 'opt_start_seq', kind: 'count', min: 1, doc: 'For deliverPolicy by_start_sequence' },
  optStartTime: { wire: 'opt_start_time', kind: 'time', doc: 'For deliverPolicy by_start_time' },
  ackWait: {
    wire: 'ack_wait',
    kind: 'duration',
    doc: 'How long before an unacked message is delivered again',
  },
  maxDeliver: { wire: 'max_deliver', kind: 'limit', doc: 'Deliveries of one message' },
  backoff: {
    wire: 'backoff',
    kind: 'durations',
    doc: 'Ack waits of the first, second, … delivery, instead of ackWait; the last one repeats',
  },
  maxAckPending: { wire: 'max_ack_pending', kind: 'limit', doc: 'Messages delivered and not yet acked' },
  maxWaiting: { wire: 'max_waiting', kind: 'count', min: 1, doc: 'Pull requests that may wait' },
  maxBatch: { wire: 'max_batch', kind: 'count', min: 1, doc: 'Messages that one pull may ask for' },
  maxBytes: { wire: 'max_bytes', kind: 'size', doc: 'Bytes that one pull may ask for' },
  maxExpires: { wire: 'max_expires', kind: 'duration', doc: 'How long one pull may wait' },
  inactiveThreshold: {
    wire: 'inactive_threshold',
    kind: 'duration',
    doc: 'The server deletes the durable when nobody pulls for so long',
  },
  headersOnly: { wire: 'headers_only', kind: 'flag', doc: 'Deliver headers without the body' },
  replayPolicy: { wire: 'replay_policy', kind: 'choice', of: ['instant', 'original'], doc: 'How fast' },
  memStorage: { wire: 'mem_storage', kind: 'flag', doc: 'Keep its state in memory' },
  replicas: { wire: 'num_replicas', kind: 'count', min: 1, doc: "At most the stream's; unset: as many" },
  metadata: { wire: 'metadata', kind: 'metadata', doc: '`_nats.` keys are the server’s' },
};
