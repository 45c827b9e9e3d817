import { type JetStreamWriter, pullDurable } from '@aa-ops/topology';
import type { WorkRecord } from '../../cli/src/traffic/index.ts';

export interface WorkOptions {
  stream: string;
  durable: string;
  /** At most so many messages; absent: until there is nothing left. */
  limit?: number;
  /** Default: all. Those that it says no to stay delivered and unacked. */
  acks?(index: number): boolean;
}

/** Works messages of a durable as a consumer would, and notes each one that the server has taken the ack of. Answers how many. */
export async function workDurable(
  account: JetStreamWriter,
  record: WorkRecord,
  { stream, durable, limit = Infinity, acks = () => true }: WorkOptions,
): Promise<number> {
  let worked = 0;
  for (let seen = 0; seen < limit;) {
    const batch = await pullDurable(account, stream, durable, Math.min(256, limit - seen));
    if (batch.length === 0) break;
    const acked = batch.filter((_, index) => acks(seen + index));
    seen += batch.length;
    await Promise.all(acked.map((message) => message.ack()));
    for (const message of acked) record.note(message);
    worked += acked.length;
  }
  return worked;
}
