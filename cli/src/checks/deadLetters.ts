import {
  DEAD_LETTERS,
  deadLetterFilters,
  type JetStreamReader,
  overlaps,
  type StoredMessage,
  type Topology,
} from '@aa-ops/topology';

/** What counts as a dead letter for the pods of a topology. */
export const deadLettersOf = ({ configMap }: Topology): string[] => deadLetterFilters(configMap?.data);

/** The streams of the topology that hold dead letters now. */
export async function deadLetterStreams(account: JetStreamReader, topology: Topology): Promise<string[]> {
  const filters = deadLettersOf(topology);
  const infos = await Promise.all(Object.keys(topology.streams).map((name) => account.stream(name)));
  return infos.flatMap((info) =>
    info?.config.subjects.some((subject) => filters.some((filter) => overlaps(subject, filter)))
      ? [info.config.name]
      : [],
  );
}

/** How many dead letters they hold; raw advisories beside them are none. */
export async function countDeadLetters(
  account: JetStreamReader,
  streams: readonly string[],
  filters: readonly string[] = [DEAD_LETTERS],
): Promise<number> {
  const counts = await Promise.all(
    streams.flatMap((name) => filters.map((filter) => account.subjectCounts(name, filter))),
  );
  return counts.flatMap((map) => [...map.values()]).reduce((sum, count) => sum + count, 0);
}

/** How many of a stream's dead letters came at `since` (ms since the epoch) or later; counts no further than `most`. */
export async function countSince(
  account: JetStreamReader,
  stream: string,
  since: number,
  most: number,
  filters: readonly string[] = [DEAD_LETTERS],
): Promise<number> {
  const info = await account.stream(stream);
  if (!info) return 0;
  const next = async (seq: number): Promise<StoredMessage | undefined> => {
    const found = await Promise.all(
      filters.map((filter) => account.message(stream, { seq, nextBySubject: filter })),
    );
    return found.flatMap((one) => one ?? []).sort((a, b) => a.seq - b.seq)[0];
  };

  let low = Math.max(1, info.state.first_seq);
  let high = info.state.last_seq + 1;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const message = await next(middle);
    if (message && Date.parse(message.time) < since) low = message.seq + 1;
    else high = middle;
  }
  let count = 0;
  for (let seq = low; count < most; count++) {
    const message = await next(seq);
    if (!message) break;
    seq = message.seq + 1;
  }
  return count;
}

/** The server's clock, ms since the epoch: its stamps are compared with nothing else. */
export async function serverNow(account: JetStreamReader, stream: string): Promise<number> {
  const info = await account.stream(stream);
  return info?.ts ? Date.parse(info.ts) : Date.now();
}
