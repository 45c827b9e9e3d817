import type { NatsConnection } from 'nats';
import { OpsError } from '../errors.ts';
import type { JetStreamReader, Rights, ServerFacts } from './account.ts';
import type { ApiRequest } from './apiRequest.ts';
import { JetStreamError } from './jsError.ts';
import { storedMessage, type WireMessage } from './storedMessage.ts';
import type { AccountInfo, ConsumerInfo, StreamInfo } from './wire.ts';

const decoder = new TextDecoder();

/** 404 of any kind is an answer, not an error. */
async function absentAsUndefined<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof JetStreamError && error.status === 404) return undefined;
    throw error;
  }
}

/** A stream has no leader for a moment after a change of its replicas, or when its leader dies. */
const LEADERLESS_TRIES = 3;

/** A cluster lists what it knows of but nobody answers for (no leader) as `missing`: that is not the same as absent. */
const unreachableError = (subject: string, missing: string[]): OpsError =>
  new OpsError('jetstream-unreachable', `nobody answers for ${missing.join(', ')} (${subject})`, {
    hint: 'these have no leader or their servers are away: bring them back, then try again',
    details: { missing },
  });

async function pages<T>(api: ApiRequest, subject: string, key: string, body: object = {}): Promise<T[]> {
  const all: T[] = [];
  for (let tries = 1; ;) {
    const page = await api<{ total: number } & Record<string, unknown>>(subject, {
      ...body,
      offset: all.length,
    });
    const missing = (page['missing'] as string[] | null | undefined) ?? [];
    if (missing.length > 0) {
      if (tries++ >= LEADERLESS_TRIES) throw unreachableError(subject, missing);
      continue; // no pause: a server that misses some has waited seconds for them
    }
    const items = (page[key] as T[] | null) ?? [];
    all.push(...items);
    if (items.length === 0 || all.length >= page.total) return all;
  }
}

function serverFacts(connection: NatsConnection): ServerFacts {
  const info = connection.info!;
  return {
    version: info.version,
    name: info.server_name,
    ...(info.cluster ? { cluster: info.cluster } : {}),
    urls: info.connect_urls ?? [],
    maxPayload: info.max_payload,
  };
}

/** `$SYS.REQ.USER.INFO` (nats-server 2.8) tells every user its own permissions. */
async function readRights(connection: NatsConnection): Promise<Rights | undefined> {
  try {
    const reply = await connection.request('$SYS.REQ.USER.INFO', undefined, { timeout: 1_000 });
    const parsed = JSON.parse(decoder.decode(reply.data)) as { data?: { permissions?: Rights } };
    return parsed.data?.permissions ?? {};
  } catch {
    return undefined; // not allowed or not answered: rights are then met one by one
  }
}

/** The requests that change nothing. */
export function reader(connection: NatsConnection, api: ApiRequest, apiPrefix: string): JetStreamReader {
  return {
    apiPrefix,
    rights: () => readRights(connection),
    get server() {
      return serverFacts(connection);
    },
    accountInfo: () => api<AccountInfo>('INFO'),
    listStreams: () => pages<StreamInfo>(api, 'STREAM.LIST', 'streams'),
    stream: (name) => absentAsUndefined(api<StreamInfo>(`STREAM.INFO.${name}`)),
    async goneSeqs(name, most) {
      const before = await absentAsUndefined(api<StreamInfo>(`STREAM.INFO.${name}`));
      if (!before || (before.state.num_deleted ?? 0) > most) return undefined;
      const { state } = await api<StreamInfo>(`STREAM.INFO.${name}`, { deleted_details: true });
      return state.deleted ?? [];
    },
    async subjectCounts(stream, filter) {
      const counts = new Map<string, number>();
      for (;;) {
        const info = await api<StreamInfo & { total?: number }>(`STREAM.INFO.${stream}`, {
          subjects_filter: filter,
          offset: counts.size,
        });
        const page = Object.entries(info.state.subjects ?? {});
        const before = counts.size;
        for (const [subject, count] of page) counts.set(subject, count);
        if (counts.size === before || counts.size >= (info.total ?? 0)) return counts;
      }
    },
    listConsumers: (stream) => pages<ConsumerInfo>(api, `CONSUMER.LIST.${stream}`, 'consumers'),
    consumer: (stream, name) => absentAsUndefined(api<ConsumerInfo>(`CONSUMER.INFO.${stream}.${name}`)),
    async message(stream, query) {
      const body =
        'lastBySubject' in query
          ? { last_by_subj: query.lastBySubject }
          : 'nextBySubject' in query
            ? { seq: query.seq, next_by_subj: query.nextBySubject }
            : { seq: query.seq };
      const found = await absentAsUndefined(api<{ message: WireMessage }>(`STREAM.MSG.GET.${stream}`, body));
      return found && storedMessage(found.message);
    },
    close: () => connection.close(),
  };
}
