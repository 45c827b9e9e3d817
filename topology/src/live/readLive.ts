import type { JetStreamReader } from '../jetstream/account.ts';
import type { StreamInfo } from '../jetstream/wire.ts';
import type { Topology } from '../model.ts';
import { inFlight } from './inFlight.ts';
import type { LiveAccount, LiveStream } from './liveAccount.ts';

/** Requests in flight at a time; more brought nothing on two cores (docs/performance.md, Planning). */
const READS_IN_FLIGHT = 32;

/** KV buckets, object stores and MQTT's own streams carry these prefixes (ADR-8, ADR-20, server/mqtt.go). */
const INTERNAL = /^(KV_|OBJ_|\$MQTT_)/;

/**
 * Reads everything a plan depends on: the account, every stream, and the consumers of the streams that the topology names.
 * Nothing is written. The answer is no snapshot, JetStream has none: whoever writes on its strength reads again first.
 */
export async function readLive(
  reader: JetStreamReader,
  topology: Pick<Topology, 'streams'>,
): Promise<LiveAccount> {
  const [account, all] = await Promise.all([reader.accountInfo(), reader.listStreams()]);
  const named = all.filter((info) => Object.hasOwn(topology.streams, info.config.name));
  const streams = await inFlight(READS_IN_FLIGHT, named, (info) => withConsumers(reader, info));
  return {
    server: reader.server,
    account,
    streams: new Map(streams.map((stream) => [stream.info.config.name, stream])),
    foreign: all
      .filter((info) => !Object.hasOwn(topology.streams, info.config.name))
      .map((info) => ({ info, internal: INTERNAL.test(info.config.name) })),
  };
}

async function withConsumers(reader: JetStreamReader, info: StreamInfo): Promise<LiveStream> {
  const consumers = info.state.consumer_count === 0 ? [] : await reader.listConsumers(info.config.name);
  return { info, consumers };
}
