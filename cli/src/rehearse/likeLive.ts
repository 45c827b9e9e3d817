import {
  type ConsumerConfig,
  epochOfSource,
  type JetStreamWriter,
  type LiveAccount,
  type LiveStream,
  type StreamConfig,
  type Topology,
} from '@aa-ops/topology';

/** The topology as it runs on one throw-away server: no pods, no replicas, and the mode that is live. */
export function rehearsalTopology(topology: Topology, mode: string, server: string): Topology {
  const { configMap: _pods, ...rest } = topology;
  const {
    kubeContext: _context,
    namespace: _namespace,
    databaseUrlFrom: _database,
    ...environment
  } = rest.environment;
  return {
    ...rest,
    environment: {
      ...environment,
      servers: [server],
      platform: 'none',
      replicas: 1,
      initialMode: mode,
      protected: false,
    },
    streams: Object.fromEntries(
      Object.entries(topology.streams).map(([name, { placement: _where, ...fields }]) => [
        name,
        'num_replicas' in fields ? { ...fields, num_replicas: 1 } : fields,
      ]),
    ),
    consumers: Object.fromEntries(
      Object.entries(topology.consumers).map(([name, fields]) => [
        name,
        'num_replicas' in fields ? { ...fields, num_replicas: 1 } : fields,
      ]),
    ),
    workloads: [],
  };
}

/** Makes the topology's streams as they are live: own configurations, limits and all. They hold nothing yet. */
export async function makeStreams(local: JetStreamWriter, live: LiveAccount): Promise<void> {
  const names = new Set(live.streams.keys());
  for (const { info } of live.streams.values()) await local.createStream(alone(info.config, names));
}

/** What one server without neighbours can take: no replicas, no placement, no sources that it does not have. */
function alone(config: LiveStream['info']['config'], names: ReadonlySet<string>): StreamConfig {
  const { placement: _placement, mirror, sources = [], metadata = {}, ...rest } = config;
  const here = sources.filter(
    (one) => !one.external && names.has(one.name) && epochOfSource(one) === undefined,
  );
  const own = Object.fromEntries(Object.entries(metadata).filter(([key]) => !key.startsWith('_nats.')));
  return {
    ...rest,
    num_replicas: 1,
    ...(Object.keys(own).length > 0 ? { metadata: own } : {}),
    ...(here.length > 0 ? { sources: here } : {}),
    ...(mirror && !mirror.external && names.has(mirror.name) ? { mirror } : {}),
  };
}

/**
 * Makes the durables as they are live, as far behind as they are there, in the same proportion to what their streams
 * hold. Ephemeral consumers are not made: nobody reads here.
 */
export async function makeDurables(local: JetStreamWriter, live: LiveAccount): Promise<string[]> {
  const made: string[] = [];
  for (const [stream, { info, consumers }] of live.streams) {
    const standing = (await local.stream(stream))!.state;
    const share = info.state.messages === 0 ? 0 : standing.messages / info.state.messages;
    for (const { name, config, num_pending, num_ack_pending } of consumers) {
      if (!config.durable_name) continue;
      const behind = (num_pending + num_ack_pending) * share;
      // Behind by so many of its own subjects, which lie evenly among all.
      const own = await countOf(local, stream, config);
      const back = own === 0 ? 0 : Math.round((Math.min(behind, own) / own) * standing.messages);
      await local.createConsumer(stream, startingAt(config, Math.max(1, standing.last_seq + 1 - back)));
      made.push(`${stream} > ${name}`);
    }
  }
  return made;
}

/** How many messages the stream holds for a consumer of `config`. */
async function countOf(local: JetStreamWriter, stream: string, config: ConsumerConfig): Promise<number> {
  const filters = config.filter_subjects ?? [config.filter_subject || '>'];
  const counts = await Promise.all(filters.map((filter) => local.subjectCounts(stream, filter)));
  return counts.flatMap((it) => [...it.values()]).reduce((sum, count) => sum + count, 0);
}

function startingAt(config: ConsumerConfig, seq: number): ConsumerConfig {
  const {
    opt_start_time: _time,
    deliver_subject: _push,
    deliver_group: _group,
    metadata: _own,
    ...rest
  } = config;
  return { ...rest, deliver_policy: 'by_start_sequence', opt_start_seq: seq, num_replicas: 1 };
}
