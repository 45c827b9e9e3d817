import { ErrorCode, Events, type NatsConnection, NatsError } from 'nats';
import { OpsError } from '../errors.ts';
import { type ConnectSettings, DEFAULT_TIMEOUT_MS, openConnection } from './connect.ts';
import type {
  AccountInfo,
  ConsumerConfig,
  ConsumerInfo,
  StoredMessage,
  StreamConfig,
  StreamInfo,
} from './wire.ts';

/** JetStream's own error codes that decide something here (server/errors.json of nats-server). */
export const JsError = {
  streamNotFound: 10059,
  consumerNotFound: 10014,
  messageNotFound: 10037,
  subjectOverlap: 10065,
  streamInvalidConfig: 10052,
  jetStreamNotEnabled: 10076,
  jetStreamNotEnabledForAccount: 10039,
  streamNameInUse: 10058,
  wrongLastSequence: 10071,
} as const;

/** The server refused a JetStream request: its HTTP-like code, its err_code and its own words. */
export class JetStreamError extends OpsError {
  readonly status: number;
  readonly errCode: number;
  constructor(subject: string, error: { code: number; err_code?: number; description?: string }) {
    const errCode = error.err_code ?? 0;
    super(
      `jetstream-${errCode}`,
      `${error.description ?? 'refused'} (${error.code}, err_code ${errCode}, ${subject})`,
      {
        details: { status: error.code, errCode, description: error.description, request: subject },
      },
    );
    this.name = 'JetStreamError';
    this.status = error.code;
    this.errCode = errCode;
  }
}

export interface ServerFacts {
  version: string;
  name: string;
  cluster?: string;
  /** Every server of the cluster that the connection was told of, as host:port. */
  urls: string[];
  maxPayload: number;
}

/** What can be asked of an account without changing it. A dry run gets no more than this. */
export interface JetStreamReader {
  readonly server: ServerFacts;
  accountInfo(): Promise<AccountInfo>;
  /** Every stream with config and state, read in pages. */
  listStreams(): Promise<StreamInfo[]>;
  stream(name: string): Promise<StreamInfo | undefined>;
  /** Messages per subject under a filter, read in pages. */
  subjectCounts(stream: string, filter: string): Promise<Map<string, number>>;
  listConsumers(stream: string): Promise<ConsumerInfo[]>;
  consumer(stream: string, name: string): Promise<ConsumerInfo | undefined>;
  /** One stored message; undefined where there is none (404). */
  message(stream: string, query: MessageQuery): Promise<StoredMessage | undefined>;
  /** What the connected user may do, in the server's words; undefined where it does not say. */
  rights(): Promise<Rights | undefined>;
  /** `$JS.API`, or `$JS.<domain>.API`. */
  readonly apiPrefix: string;
  close(): Promise<void>;
}

export interface Permission {
  allow?: string[];
  deny?: string[];
}

/** No list at all allows everything. */
export interface Rights {
  publish?: Permission;
  subscribe?: Permission;
}

/** By sequence; the last on a subject (wildcards allowed); or the first at or after a sequence on a subject. */
export type MessageQuery =
  { seq: number } | { lastBySubject: string } | { seq: number; nextBySubject: string };

export interface JetStreamWriter extends JetStreamReader {
  /** Idempotent where the config is the same. */
  createStream(config: StreamConfig): Promise<StreamInfo>;
  /** Replaces the whole config; the last writer wins, there is no compare-and-set. */
  updateStream(config: StreamConfig): Promise<StreamInfo>;
  deleteStream(name: string): Promise<void>;
  deleteMessage(stream: string, seq: number): Promise<void>;
  createConsumer(stream: string, config: ConsumerConfig): Promise<ConsumerInfo>;
  updateConsumer(stream: string, config: ConsumerConfig): Promise<ConsumerInfo>;
  deleteConsumer(stream: string, name: string): Promise<void>;
  /** The connection itself, for what is not administration: hold, publish, read ranges. */
  readonly connection: NatsConnection;
  readonly api: ApiRequest;
}

export type ApiRequest = <T>(subject: string, body?: unknown) => Promise<T>;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

const apiPrefixOf = (settings: Pick<ConnectSettings, 'domain'>): string =>
  settings.domain ? `$JS.${settings.domain}.API` : '$JS.API';

/** The raw request: `$JS.API.<subject>`, JSON both ways; throws JetStreamError or an OpsError that tells why nobody answered. */
export function apiRequest(
  connection: NatsConnection,
  settings: Pick<ConnectSettings, 'domain' | 'timeoutMs'>,
): ApiRequest {
  const prefix = apiPrefixOf(settings);
  const timeout = settings.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  return async <T>(subject: string, body?: unknown): Promise<T> => {
    const full = `${prefix}.${subject}`;
    let reply;
    try {
      reply = await connection.request(
        full,
        body === undefined ? undefined : encoder.encode(JSON.stringify(body)),
        { timeout },
      );
    } catch (error) {
      throw requestError(error, full, timeout);
    }
    const parsed = JSON.parse(decoder.decode(reply.data)) as T & {
      error?: { code: number; err_code?: number; description?: string };
    };
    if (parsed.error) throw new JetStreamError(full, parsed.error);
    return parsed;
  };
}

/** Why a request got no answer, as an error that a person can act on. */
export function requestError(error: unknown, subject: string, timeout: number): OpsError {
  const code = error instanceof NatsError ? error.code : '';
  if (code === ErrorCode.NoResponders) {
    return new OpsError(
      'jetstream-absent',
      `nobody answers ${subject}: JetStream is off for this server, account or domain`,
      {
        hint: 'start nats-server with -js, or use credentials of an account that has JetStream',
        cause: error,
      },
    );
  }
  if (code === ErrorCode.PermissionsViolation) {
    return new OpsError('right-missing', `these credentials may not publish to ${subject}`, {
      hint: `grant the publish permission ${subject}`,
      details: { right: `publish ${subject}` },
      cause: error,
    });
  }
  if (code === ErrorCode.Timeout) {
    return new OpsError('nats-timeout', `${subject} was not answered within ${timeout} ms`, {
      hint: 'the server is slow, has no JetStream leader, or these credentials may not receive the answer; raise --timeout',
      cause: error,
    });
  }
  return new OpsError('nats-lost', `the connection failed while asking ${subject}: ${String(error)}`, {
    hint: 'is the server restarting? run the command again; aa-ops status shows whether a run is open',
    cause: error,
  });
}

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

function reader(connection: NatsConnection, api: ApiRequest, apiPrefix: string): JetStreamReader {
  return {
    apiPrefix,
    rights: () => readRights(connection),
    get server() {
      return serverFacts(connection);
    },
    accountInfo: () => api<AccountInfo>('INFO'),
    listStreams: () => pages<StreamInfo>(api, 'STREAM.LIST', 'streams'),
    stream: (name) => absentAsUndefined(api<StreamInfo>(`STREAM.INFO.${name}`)),
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
      type Wire = { message: { subject: string; seq: number; time: string; data?: string; hdrs?: string } };
      const found = await absentAsUndefined(api<Wire>(`STREAM.MSG.GET.${stream}`, body));
      if (!found) return undefined;
      const { subject, seq, time, data, hdrs } = found.message;
      return {
        subject,
        seq,
        time,
        data: Buffer.from(data ?? '', 'base64'),
        headers: Buffer.from(hdrs ?? '', 'base64'),
      };
    },
    close: () => connection.close(),
  };
}

/** Oldest server that has subject transforms on sources, several filters and metadata (jetstream.md). */
const OLDEST = [2, 10] as const;

async function open(settings: ConnectSettings): Promise<{ connection: NatsConnection; api: ApiRequest }> {
  const connection = await openConnection(settings);
  const api = apiRequest(connection, settings);
  try {
    const [major = 0, minor = 0] = connection.info!.version.split('.').map(Number);
    if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
      throw new OpsError(
        'server-too-old',
        `nats-server ${connection.info!.version} is too old: 2.10 or newer is needed`,
        {
          hint: 'upgrade the server: sources with subject transforms came with 2.10',
          kind: 'refused',
        },
      );
    }
    await api('INFO');
    return { connection, api };
  } catch (error) {
    await connection.close();
    throw error;
  }
}

/** A client that has no way to write: what `plan`, `drift` and every dry run get. */
export async function openReader(settings: ConnectSettings): Promise<JetStreamReader> {
  const { connection, api } = await open(settings);
  return reader(connection, api, apiPrefixOf(settings));
}

export async function openWriter(settings: ConnectSettings): Promise<JetStreamWriter> {
  const { connection, api } = await open(settings);
  const durable = (stream: string, config: ConsumerConfig, action: 'create' | 'update') => {
    const name = config.durable_name ?? config.name!;
    return api<ConsumerInfo>(`CONSUMER.DURABLE.CREATE.${stream}.${name}`, {
      stream_name: stream,
      config: { ...config, durable_name: name },
      action,
    });
  };
  return Object.defineProperties(
    {},
    {
      ...Object.getOwnPropertyDescriptors(reader(connection, api, apiPrefixOf(settings))),
      ...Object.getOwnPropertyDescriptors({
        createStream: (config: StreamConfig) => api<StreamInfo>(`STREAM.CREATE.${config.name}`, config),
        updateStream: (config: StreamConfig) => api<StreamInfo>(`STREAM.UPDATE.${config.name}`, config),
        deleteStream: async (name: string) => void (await api(`STREAM.DELETE.${name}`)),
        deleteMessage: async (stream: string, seq: number) =>
          void (await api(`STREAM.MSG.DELETE.${stream}`, { seq, no_erase: true })),
        createConsumer: (stream: string, config: ConsumerConfig) => durable(stream, config, 'create'),
        updateConsumer: (stream: string, config: ConsumerConfig) => durable(stream, config, 'update'),
        deleteConsumer: async (stream: string, name: string) =>
          void (await api(`CONSUMER.DELETE.${stream}.${name}`)),
        connection,
        api,
      }),
    },
  ) as JetStreamWriter;
}

/** Resolves with the reason when the connection is gone for good or was told to go away. */
export async function watchLost(connection: NatsConnection, onNotice: (what: string) => void): Promise<void> {
  for await (const status of connection.status()) {
    if (status.type === Events.Disconnect || status.type === Events.Reconnect) onNotice(status.type);
  }
}
