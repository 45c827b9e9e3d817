import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { headerText, isSameMessage } from '../../../topology/src/handover/compare/sameMessage.ts';
import { Delivered, sequenceIn } from '../../../topology/src/jetstream/delivered.ts';
import { copiedFrom, MessageHeaders } from '../../../topology/src/jetstream/headers.ts';

const names = [
  'Nats-Msg-Id',
  'nats-msg-id',
  'Nats-Msg',
  'X',
  'bad name',
  'Nats-Stream-Source',
  'Nats-Expected-Stream',
];
const lines = fc.array(
  fc.tuple(
    fc.constantFrom(...names),
    fc.oneof(
      fc.string({ maxLength: 6 }).filter((text) => !/[\r\n]/.test(text)),
      fc.constantFrom('', ' ', 'ümlaut', '\u00a0 x', 'A 5 > >', ': X: y'),
    ),
  ),
  { maxLength: 5 },
);
type Lines = [string, string][];
const blockOf = (list: Lines): Buffer =>
  list.length === 0
    ? Buffer.alloc(0)
    : Buffer.from(`NATS/1.0\r\n${list.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`);
const messageOf = (block: Uint8Array) => ({
  subject: 'a',
  seq: 1,
  timeMs: 0,
  headers: new MessageHeaders(block),
  data: new Uint8Array(),
});

describe("a message's headers", () => {
  it('are the same whether one of them is looked for or all are read', () => {
    fc.assert(
      fc.property(lines, fc.constantFrom(...names, 'Absent'), (list, name) => {
        const headers = new MessageHeaders(blockOf(list));
        expect(headers.first(name)).toBe(headers.all.get(name)?.[0]);
        expect(headers.has(name)).toBe(headers.all.has(name));
        expect(headers.all.get(name) ?? []).toEqual(
          list.filter(([other]) => other === name).map(([, value]) => value.trim()),
        );
      }),
    );
  });

  it('end where the payload begins', () => {
    const block = blockOf([['X', 'y']]);
    const headers = new MessageHeaders(Buffer.concat([block, Buffer.from('\r\nZ: payload')]), block.length);
    expect([headers.first('X'), headers.has('Z'), [...headers.all.keys()]]).toEqual(['y', false, ['X']]);
    expect(new MessageHeaders(new Uint8Array(block)).text).toBe('NATS/1.0\r\nX: y');
    expect(new MessageHeaders(block, 0).text).toBe('');
  });

  it('tell what a message was copied from', () => {
    const from = (value: string) => copiedFrom(new MessageHeaders(blockOf([['Nats-Stream-Source', value]])));
    expect(from('ORDERS 12 a.> > a.x')).toEqual({ stream: 'ORDERS', seq: 12 });
    expect(from('bücher 3 > >')).toEqual({ stream: 'bücher', seq: 3 });
    expect([from(''), from('ORDERS')]).toEqual([undefined, undefined]);
  });

  it('count as the same with what a copy adds or lacks, in whatever order, and as others where a value differs', () => {
    const own = (list: Lines) => list.filter(([name]) => !/^Nats-(Stream-Source|Expected-)/.test(name));
    fc.assert(
      fc.property(lines, fc.boolean(), (list, inFront) => {
        const added: Lines = [['Nats-Stream-Source', 'A 1 > >']];
        const original = messageOf(blockOf(list));
        const copy = messageOf(blockOf(inFront ? [...added, ...own(list)] : [...own(list), ...added]));
        expect(isSameMessage(original, copy)).toBe(true);
        expect(headerText(original)).toBe(headerText(copy));
        const other = messageOf(blockOf([...own(list), ...added, ['X-Other', '1']]));
        expect(isSameMessage(original, other)).toBe(false);
        expect(headerText(original)).not.toBe(headerText(other));
      }),
    );
  });
});

it('one header is told in the same way as among others', () => {
  fc.assert(
    fc.property(lines, (list) => {
      const [first] = list.filter(([name]) => !name.startsWith('Nats-'));
      fc.pre(first !== undefined);
      const alone = messageOf(blockOf([first!]));
      const beside = messageOf(blockOf([['Nats-Expected-Stream', 'A'], first!]));
      expect(headerText(alone)).toBe(headerText(beside));
    }),
  );
});

describe('a message that a consumer delivered', () => {
  const delivered = (reply: string) =>
    new Delivered({
      subject: 'a.b',
      reply,
      _rdata: Buffer.from('NATS/1.0\r\nX: y\r\n\r\nbody'),
      _msg: { hdr: 18 },
    } as never);

  it.each([
    ['$JS.ACK.S.C.1.1234.7.1700000000123456789.42', 'the short form'],
    ['$JS.ACK.hub.hash.S.C.1.1234.7.1700000000123456789.42', 'with a domain'],
    ['$JS.ACK.hub.hash.S.C.1.1234.7.1700000000123456789.42.token', 'with a token behind it'],
  ])('reads its reply subject: %s (%s)', (reply) => {
    const message = delivered(reply);
    expect(message).toMatchObject({ subject: 'a.b', seq: 1234, consumerSeq: 7, timeMs: 1700000000123 });
    expect(sequenceIn(reply)).toBe(1234);
    expect(message.headers.first('X')).toBe('y');
    expect(Buffer.from(message.data).toString()).toBe('body');
  });
});
