import { headers as newHeaders, type MsgHdrs, type NatsConnection } from 'nats';
import type { DeadLetterReason } from './message.ts';

/** A message that is given up, and where it stood. */
export interface DeadLetter {
  reason: DeadLetterReason;
  error: string;
  stream: string;
  seq: number;
  subject: string;
  durable: string;
  deliveries: number;
  data: Uint8Array;
  headers: MsgHdrs | undefined;
}

/** Header values are one line of at most this length; an error may quote a hostile value. */
const MAX_ERROR = 500;
/** Room for our own headers when a body is as large as the server allows. */
const HEADER_ROOM = 2_048;

/** Publishes to `<prefix>.<reason>` and waits for the stream's ack. Rejects when it was not stored. */
export async function storeDeadLetter(nc: NatsConnection, prefix: string, letter: DeadLetter): Promise<void> {
  const headers = deadLetterHeaders(letter);
  const data = fitting(nc, letter, headers);
  const reply = await nc.request(`${prefix}.${letter.reason}`, data, { headers, timeout: 5_000 });
  const ack = reply.json<{ seq?: number; error?: { description: string } }>();
  if (ack.error || ack.seq === undefined) throw new Error(ack.error?.description ?? 'nobody stored it');
}

/**
 * The message's own headers and ours (contract.md). `Nats-*` headers of the message are instructions to the stream that
 * it was published to (rollup, expected sequence, TTL); repeated here they would be obeyed by the dead letters' stream.
 */
function deadLetterHeaders(letter: DeadLetter): MsgHdrs {
  const headers = newHeaders();
  for (const [name, values] of letter.headers ?? []) {
    if (/^nats-/i.test(name)) continue;
    for (const value of values) headers.append(name, value);
  }
  const messageId = letter.headers?.get('Nats-Msg-Id');
  if (messageId) headers.set('AA-Dlq-Msg-Id', messageId);
  headers.set('AA-Dlq-Reason', letter.reason);
  headers.set('AA-Dlq-Stream', letter.stream);
  headers.set('AA-Dlq-Seq', String(letter.seq));
  headers.set('AA-Dlq-Subject', letter.subject);
  headers.set('AA-Dlq-Durable', letter.durable);
  headers.set('AA-Dlq-Deliveries', String(letter.deliveries));
  headers.set('AA-Dlq-Error', oneLine(letter.error));
  headers.set('AA-Dlq-Time', new Date().toISOString());
  headers.set('Nats-Msg-Id', deadLetterId(letter));
  return headers;
}

/**
 * The same for every copy of one message: made of the durable and the message's origin, which is the first
 * `Nats-Stream-Source` (`<stream> <seq> …`) where it was copied from another stream, and its own place where it was not.
 */
export function deadLetterId(letter: Pick<DeadLetter, 'durable' | 'stream' | 'seq' | 'headers'>): string {
  const source = letter.headers?.values('Nats-Stream-Source')[0]?.split(' ');
  const [stream, seq] = source && source.length >= 2 ? source : [letter.stream, String(letter.seq)];
  return `dlq:${letter.durable}:${stream}:${seq}`;
}

/** A body that leaves no room for headers cannot be stored; the letter then says so and where the message stands. */
function fitting(nc: NatsConnection, letter: DeadLetter, headers: MsgHdrs): Uint8Array {
  const limit = nc.info?.max_payload ?? Infinity;
  const own = [...headers].reduce(
    (sum, [name, values]) => sum + values.join().length + name.length + 4,
    HEADER_ROOM,
  );
  if (letter.data.length + own <= limit) return letter.data;
  headers.set('AA-Dlq-Body-Omitted', String(letter.data.length));
  return new Uint8Array();
}

const oneLine = (text: string): string => text.replace(/[^\x20-\x7e]+/g, ' ').slice(0, MAX_ERROR);
