import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { Fingerprint } from '../../../topology/src/handover/compare/fingerprint.ts';
import { MessageHeaders, type StreamMessage } from '@aa-ops/topology';

const message = (data: string | Uint8Array, lines: string[] = [], subject = 'a.b'): StreamMessage => ({
  subject,
  seq: 1,
  timeMs: 0,
  headers: new MessageHeaders(
    Buffer.from(lines.length > 0 ? `NATS/1.0\r\n${lines.join('\r\n')}\r\n\r\n` : ''),
  ),
  data: Buffer.from(data),
});

const digestOf = (...messages: [seq: number, message: StreamMessage][]): string => {
  const fingerprint = new Fingerprint();
  for (const [seq, one] of messages) fingerprint.add(seq, one);
  expect(fingerprint.messages).toBe(messages.length);
  return fingerprint.end();
};

it('is the same for a copy, whatever a source adds to its headers', () => {
  const original = message('x', ['Nats-Msg-Id: 1', 'B: 2', 'Nats-Expected-Stream: S']);
  const copy = message('x', ['Nats-Msg-Id: 1', 'B: 2', 'Nats-Stream-Source: S 1 > >']);
  expect(digestOf([1, original], [2, message('y')])).toBe(digestOf([1, copy], [2, message('y')]));
});

it.each<[string, [number, StreamMessage][]]>([
  ['a sequence', [[3, message('x', ['A: 1'])]]],
  ['a payload', [[2, message('y', ['A: 1'])]]],
  ['an empty payload', [[2, message('', ['A: 1'])]]],
  ['a header', [[2, message('x', ['A: 2'])]]],
  ['a name', [[2, message('x', ['a: 1'])]]],
  ['no headers', [[2, message('x')]]],
  ['a subject', [[2, message('x', ['A: 1'], 'a.c')]]],
  ['nothing', []],
])('%s tells another one', (_what, others) => {
  expect(digestOf(...others)).not.toBe(digestOf([2, message('x', ['A: 1'])]));
});

it('tells in which order they stand, and where one ends', () => {
  const [a, b] = [message('a'), message('b')];
  expect(digestOf([1, a], [2, b])).not.toBe(digestOf([2, b], [1, a]));
  expect(digestOf([1, message('a2 a.b 0 1\nb')])).not.toBe(digestOf([1, a], [2, b]));
});

it('is SHA-256 over what each one is, however large they are', () => {
  const sizes = [0, 1, 100, 65_535, 65_536, 65_537, 30_000, 30_000, 30_000, 200_000, 3];
  const messages = sizes.map((size, n) =>
    message(Buffer.alloc(size, n + 1), [`Größe: ${'ü'.repeat(size / 3)}`]),
  );
  const whole = createHash('sha256');
  for (const [n, { data, headers }] of messages.entries()) {
    const [, name, value] = /\r\n(.*?): (.*)$/.exec(Buffer.from(headers.text, 'latin1').toString())!;
    const text = `${name}\0${value}\0`;
    whole.update(`${n + 1} a.b ${text.length} ${data.length}\n${text}`).update(data);
  }
  const all = messages.map((one, n): [number, StreamMessage] => [n + 1, one]);
  expect(digestOf(...all)).toBe(whole.digest('hex'));
});
