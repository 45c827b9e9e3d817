import type { StreamMessage } from './delivered.ts';
import { MessageHeaders } from './headers.ts';
import type { StoredMessage } from './wire.ts';

/** A message as `STREAM.MSG.GET` answers it: base64, absent where empty. */
export interface WireMessage {
  subject: string;
  seq: number;
  time: string;
  data?: string;
  hdrs?: string;
}

export const storedMessage = ({ subject, seq, time, data, hdrs }: WireMessage): StoredMessage => ({
  subject,
  seq,
  time,
  data: Buffer.from(data ?? '', 'base64'),
  headers: Buffer.from(hdrs ?? '', 'base64'),
});

/** As a consumer would have delivered it. */
export const asDelivered = ({ subject, seq, time, headers, data }: StoredMessage): StreamMessage => ({
  subject,
  seq,
  timeMs: Date.parse(time),
  headers: new MessageHeaders(headers),
  data,
});
