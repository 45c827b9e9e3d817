import type { MsgHdrs, NatsConnection } from 'nats';
import { readHeaders } from './readHeaders.ts';

/** A message as it stands in its stream. */
export interface Stored {
  seq: number;
  subject: string;
  data: Uint8Array;
  headers: MsgHdrs | undefined;
  /** When the stream stored it, ms since 1970. */
  storedMs: number;
}

interface Answer {
  error?: { code: number; description: string };
  message?: { subject: string; seq: number; time: string; hdrs?: string; data?: string };
}

/**
 * The message at `seq`, or with `next_by_subj` the first from there on. Undefined: no such message or stream. The client's own
 * `getMessage` is of no use for messages whose headers it does not like.
 */
export async function readStored(
  nc: NatsConnection,
  stream: string,
  query: { seq: number; next_by_subj?: string },
): Promise<Stored | undefined> {
  const reply = await nc.request(`$JS.API.STREAM.MSG.GET.${stream}`, JSON.stringify(query), {
    timeout: 5_000,
  });
  const { error, message } = reply.json<Answer>();
  if (error?.code === 404) return undefined;
  if (!message) throw new Error(error?.description ?? `${stream} ${query.seq} could not be read`);
  return {
    seq: message.seq,
    subject: message.subject,
    data: Buffer.from(message.data ?? '', 'base64'),
    headers: readHeaders(Buffer.from(message.hdrs ?? '', 'base64')),
    storedMs: Date.parse(message.time),
  };
}
