import { ErrorCode, headers as newHeaders, type NatsConnection, NatsError } from 'nats';
import { messageOf } from '../errors.ts';
import type { Msg } from './clientTypes.ts';
import { headerBlock, type HeaderList, sameHeaders } from './headers.ts';

/**
 * What became of one publish. `refused`: stored nowhere, and why (`503` nobody listens, `js-<err_code>` a stream said no).
 * `unanswered`: no answer in time, or the connection went; it may or may not be stored.
 */
export type PublishOutcome =
  | { status: 'stored'; stream: string; seq: number; duplicate: boolean }
  | { status: 'refused'; code: string; message: string }
  | { status: 'unanswered'; code: string; message: string };

interface WireAck {
  stream?: string;
  seq?: number;
  duplicate?: boolean;
  error?: { code: number; err_code?: number; description?: string };
}

const decoder = new TextDecoder();

/** Publishes one message and waits for its PubAck, once: no retry. Never rejects. `timeoutMs` bounds the wait. */
export async function publishMessage(
  connection: NatsConnection,
  subject: string,
  payload: Uint8Array,
  { headers, timeoutMs }: { headers: HeaderList; timeoutMs: number },
): Promise<PublishOutcome> {
  const block = newHeaders();
  for (const [name, value] of headers) block.append(name, value);
  let ack: WireAck;
  try {
    const reply = await connection.request(subject, payload, { timeout: timeoutMs, headers: block });
    ack = JSON.parse(decoder.decode(reply.data)) as WireAck;
  } catch (error) {
    const code = error instanceof NatsError ? error.code : 'error';
    const status = NEVER_SENT.has(code) ? 'refused' : 'unanswered';
    return { status, code, message: messageOf(error) };
  }
  if (ack.error) {
    const { code, err_code, description } = ack.error;
    return { status: 'refused', code: `js-${err_code ?? code}`, message: description ?? 'refused' };
  }
  if (ack.stream === undefined || ack.seq === undefined) {
    return { status: 'unanswered', code: 'no-ack', message: 'answered by something that is no stream' };
  }
  return { status: 'stored', stream: ack.stream, seq: ack.seq, duplicate: ack.duplicate ?? false };
}

/** With these no server took the message: nobody subscribes, not allowed, too large, or the connection was shut before. */
const NEVER_SENT: ReadonlySet<string> = new Set([
  ErrorCode.NoResponders,
  ErrorCode.PermissionsViolation,
  ErrorCode.MaxPayloadExceeded,
  ErrorCode.ConnectionClosed,
  ErrorCode.ConnectionDraining,
]);

/** Parts of the client that its types do not show (nats 2.29.3, lib/nats-base-client/protocol.js and msg.js). */
interface ConnectionInside {
  protocol: { sendCommand(command: Uint8Array, ...payloads: Uint8Array[]): void };
}
interface MessageInside {
  _msg: { subject: Uint8Array };
}

/** What the client makes of bytes that are no UTF-8. */
const NO_TEXT = '\ufffd';
const END = Buffer.from('\r\n');

/**
 * Publishes a message as it came, subject, headers and payload byte for byte, with another reply subject. A server takes any bytes in a subject, and as
 * text some would be others: then the client is told what to send.
 */
export function publishAgain(connection: NatsConnection, message: Msg, reply: string): void {
  const { subject, data } = message;
  if (!subject.includes(NO_TEXT)) {
    const headers = sameHeaders(message);
    connection.publish(subject, data, { reply, ...(headers ? { headers } : {}) });
    return;
  }
  const block = headerBlock(message);
  const sizes = block.length > 0 ? `${block.length} ${block.length + data.length}` : `${data.length}`;
  const command = Buffer.concat([
    Buffer.from(block.length > 0 ? 'HPUB ' : 'PUB '),
    (message as unknown as MessageInside)._msg.subject,
    Buffer.from(` ${reply} ${sizes}\r\n`),
  ]);
  (connection as unknown as ConnectionInside).protocol.sendCommand(command, block, data, END);
}
