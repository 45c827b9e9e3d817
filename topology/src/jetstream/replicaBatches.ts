import { covers } from '../subjects/sets.ts';
import type { JetStreamWriter } from './account.ts';
import type { StreamMessage } from './delivered.ts';
import { type DirectRange, readDirectBatches } from './directBatches.ts';
import { holesOf } from './holes.ts';
import { getMessages } from './singleGets.ts';
import { asDelivered } from './storedMessage.ts';

/**
 * As `readDirectBatches`, of a stream with replicas. Any of them answers a direct get, also one that lags: what it lacks is got from the leader, and what
 * it still holds although the leader, asked before, does not, is left out. Messages themselves are alike everywhere. A replica that lacks more of a batch than may
 * be asked for at once (`atOnce`) is left alone: from there on nothing was read.
 */
export async function* readReplicaBatches(
  account: JetStreamWriter,
  stream: string,
  { filters, ...range }: DirectRange,
  atOnce: number,
): AsyncGenerator<StreamMessage[], number> {
  const holes = await holesOf(account, stream);
  if (!holes) return range.fromSeq;
  const deleted = new Set(holes.deleted);
  const stands = (seq: number): boolean => seq >= holes.firstSeq && !deleted.has(seq);
  let next = Math.max(range.fromSeq, holes.firstSeq);
  const batches = readDirectBatches(account, stream, { ...range, fromSeq: next, filters: ['>'] });
  for (;;) {
    const { value, done } = await batches.next();
    if (done) return next;
    const there = new Map(value.filter(({ seq }) => stands(seq)).map((message) => [message.seq, message]));
    const last = value.at(-1)!.seq;
    const lacking: number[] = [];
    for (let seq = next; seq <= last; seq++) if (stands(seq) && !there.has(seq)) lacking.push(seq);
    if (lacking.length > atOnce) return next;
    for (const found of await getMessages(account, stream, lacking))
      if (found) there.set(found.seq, asDelivered(found));
    next = last + 1;
    const wanted = [...there.values()].filter(({ subject }) => covers(filters, subject));
    if (lacking.length > 0) wanted.sort((a, b) => a.seq - b.seq);
    if (wanted.length > 0) yield wanted;
  }
}
