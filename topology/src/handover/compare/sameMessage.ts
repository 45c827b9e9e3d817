import { type MessageHeaders, type StreamMessage } from '../../jetstream/index.ts';

/**
 * What a source adds, or takes away since it says how to store the message where it was published (an expectation, an atomic batch), and what the
 * server adds where it leaves the payload away.
 */
const isOwn = (name: string): boolean =>
  name === 'Nats-Stream-Source' ||
  name === 'Nats-Msg-Size' ||
  name.startsWith('Nats-Expected-') ||
  name.startsWith('Nats-Batch-');

/** Headers as they count, in an order of their own; empty without any. What a copy adds or lacks is not among them. */
export function headerText({ headers }: Pick<StreamMessage, 'headers'>): string {
  const text = withoutSource(headers);
  if (text === '') return '';
  const only = onlyLine(text);
  if (only) return isOwn(only[0]) ? '' : textOf(only[0], [only[1]]);
  const { all } = headers;
  const names = [...all.keys()].filter((name) => !isOwn(name)).sort();
  return names.map((name) => textOf(name, all.get(name)!)).join('\0');
}

const textOf = (name: string, values: readonly string[]): string => `${name}\0${values.join('\0')}\0`;

const ONE_LINE = /^NATS\/1\.0\r\n([\x20-\x39\x3b-\x7e]+):([\x20-\x7e]*)$/;

/** Name and value where there is one header, which most messages have: an id. Read without the others. */
function onlyLine(text: string): [name: string, value: string] | undefined {
  const [, name, value] = ONE_LINE.exec(text) ?? [];
  return name === undefined || value === undefined ? undefined : [name, value.trim()];
}

/** Whether subject, headers and payload are the same. */
export function isSameMessage(a: StreamMessage, b: StreamMessage): boolean {
  if (a.subject !== b.subject) return false;
  const [left, right] = [a.data, b.data];
  if (left.length !== right.length || Buffer.compare(left, right) !== 0) return false;
  return isSameText(a.headers, b.headers) || headerText(a) === headerText(b);
}

/** Most copies have their original's headers byte for byte, and one line behind them. */
const isSameText = (a: MessageHeaders, b: MessageHeaders): boolean => withoutSource(a) === withoutSource(b);

const SOURCE_LINE = '\r\nNats-Stream-Source:';
/** Of a block that has no headers (any more). */
const VERSION = 'NATS/1.0';

function withoutSource({ text }: MessageHeaders): string {
  const at = text.indexOf(SOURCE_LINE);
  if (at < 0) return text;
  const end = text.indexOf('\r\n', at + 2);
  const rest = end < 0 ? text.slice(0, at) : text.slice(0, at) + text.slice(end);
  return rest === VERSION ? '' : rest;
}
