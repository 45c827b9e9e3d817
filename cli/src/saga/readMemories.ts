import { type JetStreamReader, type PairMemory, readKey, STATE_BUCKET } from '@aa-ops/topology';

/** What is remembered of pairs of streams in an account, of every topology that runs in it. Reads only. */
export async function readMemories(account: JetStreamReader): Promise<PairMemory[]> {
  const [stream, prefix] = [`KV_${STATE_BUCKET}`, `$KV.${STATE_BUCKET}.`];
  if (!(await account.stream(stream))) return [];
  const counts = await account.subjectCounts(stream, `${prefix}*.memory`);
  const keys = [...counts.keys()].map((subject) => subject.slice(prefix.length)).sort();
  const found = await Promise.all(keys.map((key) => readKey<PairMemory>(account, STATE_BUCKET, key)));
  return found.flatMap((entry) => (entry ? [entry.value] : []));
}
