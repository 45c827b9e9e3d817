import { type ConsumerInfo, type JetStreamReader, OpsError, type StreamInfo } from '@aa-ops/topology';

/** Throws OpsError `stream-unknown` (usage) where there is no such stream. */
export async function requireStream(reader: JetStreamReader, name: string): Promise<StreamInfo> {
  const info = isName(name) ? await reader.stream(name) : undefined;
  if (info) return info;
  throw new OpsError('stream-unknown', `there is no stream ${JSON.stringify(name)} in the account`, {
    kind: 'usage',
    hint: 'aa-ops streams ls lists them',
  });
}

/** Throws OpsError `stream-unknown` or `consumer-unknown` (usage). */
export async function requireConsumer(
  reader: JetStreamReader,
  stream: string,
  name: string,
): Promise<ConsumerInfo> {
  await requireStream(reader, stream);
  const info = isName(name) ? await reader.consumer(stream, name) : undefined;
  if (info) return info;
  throw new OpsError('consumer-unknown', `there is no consumer ${JSON.stringify(name)} on ${stream}`, {
    kind: 'usage',
    hint: `aa-ops consumers ls ${stream} lists them`,
  });
}

/** A name is part of the subject that is asked: anything else would ask for something else. */
const isName = (name: string): boolean => /^[^\s.*>/\\\0]+$/u.test(name);
