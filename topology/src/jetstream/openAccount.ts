import type { NatsConnection } from 'nats';
import { OpsError } from '../errors.ts';
import type { JetStreamReader, JetStreamWriter } from './account.ts';
import { apiPrefixOf, apiRequest, type ApiRequest } from './apiRequest.ts';
import { type ConnectSettings, DEFAULT_TIMEOUT_MS, openConnection } from './connect.ts';
import { reader } from './reader.ts';
import { throughQueue, updatesInTurn } from './updatesInTurn.ts';
import type { ConsumerConfig, ConsumerInfo, StreamConfig, StreamInfo } from './wire.ts';

/** Oldest server that has subject transforms on sources, several filters and metadata (docs/servers.md). */
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

/** ms for one question that waits in the server's queue, before it is asked again. */
const QUEUED_MS = 500;

/** A client that has no way to write: what `plan`, `drift` and every dry run get. */
export async function openReader(settings: ConnectSettings): Promise<JetStreamReader> {
  const { connection, api } = await open(settings);
  return reader(connection, api, apiPrefixOf(settings));
}

/** A reader that nothing has been asked of yet: for checks, which tell by themselves what a server or an account lacks. */
export async function openUnasked(settings: ConnectSettings): Promise<JetStreamReader> {
  const connection = await openConnection(settings);
  return reader(connection, apiRequest(connection, settings), apiPrefixOf(settings));
}

/** A client that may change the account: for `apply` and the runs. */
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
  const timeoutMs = settings.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const soon = apiRequest(connection, { ...settings, timeoutMs: Math.min(QUEUED_MS, timeoutMs) });
  const afterUpdates = (stream: string): Promise<void> => throughQueue(soon, stream, timeoutMs);
  return Object.defineProperties(
    {},
    {
      ...Object.getOwnPropertyDescriptors(reader(connection, api, apiPrefixOf(settings))),
      ...Object.getOwnPropertyDescriptors({
        createStream: (config: StreamConfig) => api<StreamInfo>(`STREAM.CREATE.${config.name}`, config),
        updateStream: updatesInTurn(
          (config: StreamConfig) => api<StreamInfo>(`STREAM.UPDATE.${config.name}`, config),
          afterUpdates,
        ),
        afterUpdates,
        deleteStream: async (name: string) => void (await api(`STREAM.DELETE.${name}`)),
        deleteMessage: async (stream: string, seq: number) =>
          void (await api(`STREAM.MSG.DELETE.${stream}`, { seq, no_erase: true })),
        createConsumer: (stream: string, config: ConsumerConfig) => durable(stream, config, 'create'),
        updateConsumer: (stream: string, config: ConsumerConfig) => durable(stream, config, 'update'),
        deleteConsumer: async (stream: string, name: string) =>
          void (await api(`CONSUMER.DELETE.${stream}.${name}`)),
        pauseConsumer: async (stream: string, name: string, until?: string) =>
          void (await api(`CONSUMER.PAUSE.${stream}.${name}`, until ? { pause_until: until } : {})),
        purge: async (stream: string, filter: string, belowSeq: number) =>
          void (await api(`STREAM.PURGE.${stream}`, { filter, seq: belowSeq })),
        connection,
        api,
      }),
    },
  ) as JetStreamWriter;
}
