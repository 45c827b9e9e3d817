import type { JetStreamReader, StoredMessage, StreamInfo } from '../jetstream/index.ts';

/**
 * The newest messages of a stream, oldest first. Sequences say nothing of how many there are: what was deleted leaves gaps of any size.
 * One request for each message, and for a gap twice as many as its length has bits.
 */
export async function lastMessages(
  reader: JetStreamReader,
  { config: { name }, state: { first_seq, last_seq } }: StreamInfo,
  count: number,
): Promise<StoredMessage[]> {
  const found: StoredMessage[] = [];
  const first = Math.max(1, first_seq);
  let above = last_seq + 1;
  while (found.length < count && above > first) {
    const message = await lastBelow(reader, name, first, above);
    if (!message) break;
    found.push(message);
    above = message.seq;
  }
  return found.reverse();
}

/** The last message from `first` on and below `above`: the server only looks upwards, so it is closed in on. */
async function lastBelow(
  reader: JetStreamReader,
  stream: string,
  first: number,
  above: number,
): Promise<StoredMessage | undefined> {
  const firstFrom = async (seq: number): Promise<StoredMessage | undefined> => {
    const message = await reader.message(stream, { seq, nextBySubject: '>' });
    return message && message.seq < above ? message : undefined;
  };
  let known: StoredMessage | undefined;
  let empty = above; // nothing stands from here on
  for (let step = 1; !known && empty > first; step *= 2) {
    const from = Math.max(first, above - step);
    known = await firstFrom(from);
    if (!known) empty = from;
  }
  if (!known) return undefined;
  while (known.seq + 1 < empty) {
    const middle = Math.floor((known.seq + 1 + empty) / 2);
    const later = await firstFrom(middle);
    if (later) known = later;
    else empty = middle;
  }
  return known;
}
