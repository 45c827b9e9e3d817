import type { NatsConnection } from 'nats';
import type { ApiRequest } from './apiRequest.ts';
import type {
  AccountInfo,
  ConsumerConfig,
  ConsumerInfo,
  StoredMessage,
  StreamConfig,
  StreamInfo,
} from './wire.ts';

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
  /** Sequences of a stream that hold nothing any more, between its first and its last; undefined where those are more than `most`. */
  goneSeqs(stream: string, most: number): Promise<number[] | undefined>;
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
  /** Replaces the whole config; the last writer wins, there is no compare-and-set. One at a time for each stream, in the order of the calls. */
  updateStream(config: StreamConfig): Promise<StreamInfo>;
  /** Resolves once every update of a stream that had reached the server is done, another process's too. One's own wait for one another by themselves. */
  afterUpdates(stream: string): Promise<void>;
  deleteStream(name: string): Promise<void>;
  deleteMessage(stream: string, seq: number): Promise<void>;
  createConsumer(stream: string, config: ConsumerConfig): Promise<ConsumerInfo>;
  updateConsumer(stream: string, config: ConsumerConfig): Promise<ConsumerInfo>;
  deleteConsumer(stream: string, name: string): Promise<void>;
  /** Delivers nothing until an instant (RFC 3339); absent: delivers again. Servers before 2.11 do not know it. */
  pauseConsumer(stream: string, name: string, until?: string): Promise<void>;
  /** Deletes what a stream holds on a filter below a sequence. */
  purge(stream: string, filter: string, belowSeq: number): Promise<void>;
  /** The connection itself, for what is not administration: hold, publish, read ranges. */
  readonly connection: NatsConnection;
  readonly api: ApiRequest;
}
