import { describe, expect, it } from 'vitest';
import {
  allows,
  checkAccount,
  checkRights,
  checkRoom,
  type ConsumerInfo,
  firstUnacked,
  missingHoldRights,
  type StreamInfo,
  sumOfSizes,
} from '@aa-ops/topology';

const target = (config: object, state: object): StreamInfo =>
  ({ config: { name: 'NEW', ...config }, state: { bytes: 0, messages: 0, ...state } }) as StreamInfo;
const size = (messages: number, bytes: number) => ({ messages, bytes, mostPerSubject: messages });

describe('checkRoom', () => {
  it('counts what the target holds and what comes, to the byte', () => {
    const full = target({ max_bytes: 100 }, { bytes: 60 });
    expect(checkRoom(full, size(1, 40), false)).toEqual([]);
    expect(checkRoom(full, size(1, 41), false)).toMatchObject([
      { code: 'target-bytes', severity: 'refuse', hint: 'raise maxBytes of NEW to at least 101' },
    ]);
  });
  it('says nothing where nothing comes, or nothing is limited', () => {
    expect(checkRoom(target({ max_msgs: 5 }, { messages: 5 }), size(0, 0), false)).toEqual([]);
    expect(checkRoom(target({ max_msgs: -1, max_bytes: 0 }, { messages: 5 }), size(9, 9), false)).toEqual([]);
  });
  it.each([
    ['old', 5, true, 'warn'],
    ['old', 5, false, 'refuse'],
    ['old', 11, true, 'refuse'], // the copy's own beginning would go
    ['new', 5, true, 'refuse'], // it would stop
  ] as const)('discard %s, %i messages, way back %s: %s', (discard, count, wayBack, severity) => {
    const full = target({ max_msgs: 10, discard }, { messages: 8 });
    expect(checkRoom(full, size(count, 1), wayBack)).toMatchObject([{ code: 'target-messages', severity }]);
  });
});

describe('sumOfSizes', () => {
  it('adds up what comes, and keeps the most on one subject: no subject comes from two origins', () => {
    expect(sumOfSizes(undefined, size(3, 30))).toEqual(size(3, 30));
    expect(sumOfSizes(size(3, 30), size(2, 20))).toEqual({ messages: 5, bytes: 50, mostPerSubject: 3 });
  });
});

describe('checkAccount', () => {
  const account = (limits: object) =>
    ({ storage: 10, streams: 2, consumers: 2, limits }) as Parameters<typeof checkAccount>[0];
  const needs = { bytes: 5, streams: 1, consumers: 1 };
  it('takes -1 for no limit', () => {
    expect(checkAccount(account({ max_storage: -1, max_streams: -1, max_consumers: -1 }), needs)).toEqual([]);
  });
  it('names what it uses, what it needs and the limit', () => {
    const found = checkAccount(account({ max_storage: 14, max_streams: 3, max_consumers: 2 }), needs);
    expect(found.map(({ code }) => code)).toEqual(['account-storage', 'account-consumers']);
    expect(found[0]!.message).toMatch(/uses 10 bytes of storage, .* needs 5 more, the limit is 14/);
  });
});

describe('rights', () => {
  it('are there where no list forbids or leaves out', () => {
    expect(allows(undefined, 'a.>')).toBe(true);
    expect(allows({ allow: ['a.>'] }, 'a.b')).toBe(true);
    expect(allows({ allow: ['a.*'] }, 'a.>')).toBe(false);
    expect(allows({ deny: ['a.secret'] }, 'a.>')).toBe(false);
    expect(allows({ deny: ['b'] }, 'a.>')).toBe(true);
  });
  it('of the API are named one by one, in the account’s prefix', () => {
    const found = checkRights({ publish: { deny: ['$JS.eu.API.STREAM.UPDATE.NEW'] } }, ['NEW'], '$JS.eu.API');
    expect(found.map(({ details }) => details)).toEqual([{ right: 'publish $JS.eu.API.STREAM.UPDATE.NEW' }]);
    expect(checkRights(undefined, ['NEW'], '$JS.API')).toEqual([]);
    const noPause = { publish: { deny: ['$JS.API.CONSUMER.PAUSE.>', '$JS.API.STREAM.PURGE.>'] } };
    expect(checkRights(noPause, ['NEW'], '$JS.API')).toEqual([]);
    expect(checkRights(noPause, ['NEW'], '$JS.API', ['NEW']).map(({ details }) => details)).toEqual([
      { right: 'publish $JS.API.CONSUMER.PAUSE.NEW.*' },
      { right: 'publish $JS.API.STREAM.PURGE.NEW' },
    ]);
  });
  it('of a hold: hear and publish the subjects, hear our own, answer publishers', () => {
    expect(missingHoldRights(undefined, ['a.>'])).toEqual([]);
    const none = { publish: { allow: ['x'] }, subscribe: { allow: ['x'] } };
    expect(missingHoldRights(none, ['a.>'])).toEqual([
      'subscribe a.>',
      'publish a.>',
      'subscribe _aa-ops.>',
      'publish _INBOX.>',
    ]);
  });
});

describe('firstUnacked', () => {
  const durable = (floor: number, delivered: number, pending: number, ackPolicy = 'explicit') =>
    ({
      config: { ack_policy: ackPolicy },
      ack_floor: { stream_seq: floor },
      delivered: { stream_seq: delivered },
      num_ack_pending: pending,
    }) as ConsumerInfo;
  it.each([
    ['work in flight', durable(4, 9, 2), 5],
    ['all worked', durable(9, 9, 0), 10],
    ['an exhausted message pins the floor', durable(2, 9, 0), 10],
    ['nothing delivered yet', durable(0, 0, 0), 1],
    ['no acks at all', durable(0, 9, 3, 'none'), 10],
  ])('%s', (_what, info, expected) => {
    expect(firstUnacked(info)).toBe(expected);
  });
});
