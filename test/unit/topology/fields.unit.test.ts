import {
  consumerFields,
  fieldPath,
  formatField,
  fromWire,
  streamFields,
  streamToWire,
  consumerToWire,
} from '@aa-ops/topology';
import { describe, expect, it } from 'vitest';

const stream = {
  description: 'x',
  storage: 'file',
  maxAge: '48h',
  maxMsgs: 'unlimited',
  maxBytes: '10GiB',
  maxMsgSize: 'unlimited',
  replicas: 3,
  duplicateWindow: '2m',
  denyDelete: false,
  sources: [{ name: 'A', optStartSeq: 4, subjectTransforms: [{ src: 'a.>', dest: '' }] }],
  placement: { tags: ['ssd'] },
  metadata: { team: 'data' },
  consumerLimits: { inactiveThreshold: '5m', maxAckPending: 10 },
};
const streamWire = {
  description: 'x',
  storage: 'file',
  max_age: 172_800e9,
  max_msgs: -1,
  max_bytes: 10_737_418_240,
  max_msg_size: -1,
  num_replicas: 3,
  duplicate_window: 120e9,
  deny_delete: false,
  sources: [{ name: 'A', opt_start_seq: 4, subject_transforms: [{ src: 'a.>', dest: '' }] }],
  placement: { tags: ['ssd'] },
  metadata: { team: 'data' },
  consumer_limits: { inactive_threshold: 300e9, max_ack_pending: 10 },
};

describe('fields', () => {
  it('go to the wire and come back', () => {
    expect(streamToWire(stream)).toEqual(streamWire);
    expect(fromWire('stream', streamWire)).toEqual(stream);
    const consumer = {
      filterSubjects: ['a'],
      ackWait: '60s',
      maxDeliver: 'unlimited',
      backoff: ['1s', '2m'],
    };
    const wire = { filter_subjects: ['a'], ack_wait: 60e9, max_deliver: -1, backoff: [1e9, 120e9] };
    expect(consumerToWire(consumer)).toEqual(wire);
    expect(fromWire('consumer', wire)).toEqual(consumer);
  });

  it('leave out what the file does not know, and write unlimited for what has no limit', () => {
    expect(fromWire('stream', { name: 'A', subjects: ['a'], max_age: 0, sealed: false })).toEqual({
      maxAge: 'unlimited',
    });
    expect(streamToWire({ maxAge: 'unlimited', maxBytes: -1, toString: 1, nonsense: 2 })).toEqual({
      max_age: 0,
      max_bytes: -1,
    });
  });

  it('have one wire name each', () => {
    for (const table of [streamFields, consumerFields]) {
      const names = Object.values(table).map(({ wire }) => wire);
      expect(new Set(names).size).toBe(names.length);
    }
  });

  it('are shown as the file has them', () => {
    expect([fieldPath('stream', 'max_age'), formatField('stream', 'max_age', 604_800e9)]).toEqual([
      'maxAge',
      '7d',
    ]);
    expect(fieldPath('stream', 'num_replicas')).toBe('replicas');
    expect(fieldPath('stream', 'consumer_limits.max_ack_pending')).toBe('consumerLimits.maxAckPending');
    expect(formatField('stream', 'consumer_limits.inactive_threshold', 60e9)).toBe('60s');
    expect(fieldPath('consumer', 'filter_subjects')).toBe('filterSubjects');
    expect(fieldPath('stream', 'allow_msg_counter')).toBe('allowMsgCounter');
    expect(formatField('stream', 'max_bytes', -1)).toBe('unlimited');
    expect(formatField('stream', 'max_bytes', undefined)).toBeNull();
    expect(formatField('stream', 'new_thing', { a: 1 })).toEqual({ a: 1 });
    expect(formatField('stream', 'subjects', ['a'])).toEqual(['a']);
  });
});
