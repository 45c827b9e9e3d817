import type { StreamMessage } from '../../jetstream/index.ts';

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
  if (headers.size === 0) return '';
  const names = [...headers.keys()].filter((name) => !isOwn(name)).sort();
  return names.map((name) => `${name}\0${headers.get(name)!.join('\0')}\0`).join('\0');
}

/** Whether subject, headers and payload are the same. */
export const isSameMessage = (a: StreamMessage, b: StreamMessage): boolean =>
  a.subject === b.subject &&
  a.data.length === b.data.length &&
  Buffer.compare(a.data, b.data) === 0 &&
  headerText(a) === headerText(b);

/** The stream and sequence that a message was copied from, if it was. */
export function copiedFrom({
  headers,
}: Pick<StreamMessage, 'headers'>): [stream: string, seq: number] | undefined {
  if (headers.size === 0) return undefined;
  const [stream, seq] = headers.get('Nats-Stream-Source')?.[0]?.split(' ') ?? [];
  return stream === undefined || seq === undefined ? undefined : [stream, Number(seq)];
}
