import type { ServerFacts } from '../jetstream/account.ts';
import type { AccountInfo, ConsumerInfo, StreamInfo } from '../jetstream/wire.ts';

/** A stream that the topology names, with all its consumers, whoever made them. */
export interface LiveStream {
  info: StreamInfo;
  consumers: ConsumerInfo[];
}

/** A stream that the topology does not name. It is never changed, but its subjects may be in the way. */
export interface ForeignStream {
  info: StreamInfo;
  /** Made by the server or a client library for its own use: a KV bucket, an object store, MQTT sessions. */
  internal: boolean;
}

/** An account as it stood while it was read: configuration and state of everything that a plan can depend on. */
export interface LiveAccount {
  server: ServerFacts;
  account: AccountInfo;
  /** The streams of the topology that stand, by name. */
  streams: Map<string, LiveStream>;
  foreign: ForeignStream[];
}

/** The durable of that name on that stream, if it stands. */
export const liveConsumer = (live: LiveAccount, stream: string, name: string): ConsumerInfo | undefined =>
  live.streams.get(stream)?.consumers.find((consumer) => consumer.name === name);
