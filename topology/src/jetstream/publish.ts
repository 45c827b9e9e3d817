import { ErrorCode, headers as newHeaders, type NatsConnection, NatsError } from 'nats';
import { messageOf } from '../errors.ts';
import type { HeaderList } from './headers.ts';

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
