import type { JetStreamWriter } from './account.ts';
import type { StreamState } from './wire.ts';

/** What a stream's leader says of the sequences that it does not hold. */
export interface Holes {
  /** When the stream was made (RFC 3339): sequences of another one mean nothing here. */
  created: string;
  /** Nothing stands in front of it. */
  firstSeq: number;
  /** Behind it, ascending. */
  deleted: readonly number[];
}

/** More holes than this are not listed: the server would have to name each of them. */
const MOST_HOLES = 10_000;

/** Undefined: the stream does not stand, or has too many to tell. */
export async function holesOf(account: JetStreamWriter, stream: string): Promise<Holes | undefined> {
  const info = await account.stream(stream);
  if (!info || (info.state.num_deleted ?? 0) > MOST_HOLES) return undefined;
  const { state, created } = await account.api<{
    created: string;
    state: StreamState & { deleted?: number[] | null };
  }>(`STREAM.INFO.${stream}`, { deleted_details: true });
  return { created, firstSeq: state.first_seq, deleted: state.deleted ?? [] };
}
