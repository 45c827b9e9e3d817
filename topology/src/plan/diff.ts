import type { LiveAccount } from '../live/liveAccount.ts';
import { liveConsumer } from '../live/liveAccount.ts';
import type { ModeReading } from '../live/readMode.ts';
import type { Desired, DesiredConsumer, Topology } from '../model.ts';
import type { ServerKind } from './capabilities.ts';
import type { Deletion } from './deletions.ts';
import { diffConsumer } from './diffConsumer.ts';
import { createConfig } from './createConfig.ts';
import { diffStream } from './diffStream.ts';
import { findOverlaps } from './overlaps.ts';
import { type Action, type Overlap, type Plan, type PlannedChange, summarize } from './plan.ts';

/** Everything a plan is made of. What had to be asked of the server was asked before. */
export interface PlanInput {
  topology: Pick<Topology, 'name' | 'environment' | 'modes'>;
  /** What should stand, in the mode that `mode.reference` names. */
  desired: Desired;
  live: LiveAccount;
  mode: ModeReading;
  /** What tightened limits would delete, by stream. */
  deletions?: ReadonlyMap<string, Deletion>;
  /** A migration is under way: what it needs for itself is not drift. */
  runOpen?: boolean;
}

/** The plan: a pure function of what should stand and what stands. Asks nothing, writes nothing, never deletes. */
export function diff(input: PlanInput): Plan {
  const { desired, live, mode, topology } = input;
  const server: ServerKind = { version: live.server.version, clustered: live.server.cluster !== undefined };
  const gains = findOverlaps(desired, live);
  const losses = byHolder(gains);
  const streams = desired.streams.map((stream): PlannedChange => {
    const standing = live.streams.get(stream.name);
    const deletion = input.deletions?.get(stream.name);
    return diffStream({
      mode: desired.mode,
      desired: stream,
      server,
      gains: gains.get(stream.name) ?? [],
      losses: losses.get(stream.name) ?? [],
      runOpen: input.runOpen ?? false,
      ...(standing ? { live: standing } : {}),
      ...(deletion ? { deletion } : {}),
    });
  });
  const changes = [...streams.sort(byAction), ...diffConsumers(input, server).sort(byAction)];
  return {
    topology: topology.name,
    environment: topology.environment.name,
    server: { version: live.server.version },
    mode,
    changes,
    summary: summarize(changes),
    unmanaged: unmanaged(input),
  };
}

function diffConsumers({ desired, live }: PlanInput, server: ServerKind): PlannedChange[] {
  const streams = new Map(desired.streams.map((stream) => [stream.name, stream]));
  const homes = durableHomes(live);
  const accountMaxAckPending = (live.account.limits as { max_ack_pending?: number }).max_ack_pending;
  return desired.consumers.map((consumer) => {
    const standing = liveConsumer(live, consumer.stream, consumer.name);
    const stream = streams.get(consumer.stream);
    return diffConsumer({
      mode: desired.mode,
      desired: consumer,
      elsewhere: (homes.get(consumer.name) ?? []).filter((home) => home !== consumer.stream),
      waiting: live.streams.get(consumer.stream)?.info.state.messages ?? 0,
      surroundings: {
        stream: stream ? createConfig(stream) : {},
        ...(accountMaxAckPending === undefined ? {} : { accountMaxAckPending }),
      },
      server,
      ...(standing ? { live: standing } : {}),
    });
  });
}

/** Consumer name to the streams of the topology where one of that name stands. */
function durableHomes(live: LiveAccount): Map<string, string[]> {
  const homes = new Map<string, string[]>();
  for (const [stream, { consumers }] of live.streams) {
    for (const { name } of consumers) {
      const list = homes.get(name);
      if (list) list.push(stream);
      else homes.set(name, [stream]);
    }
  }
  return homes;
}

/** The same overlaps by the stream that holds the subject now. */
function byHolder(gains: ReadonlyMap<string, Overlap[]>): Map<string, Overlap[]> {
  const losses = new Map<string, Overlap[]>();
  for (const overlap of [...gains.values()].flat()) {
    if (overlap.foreign) continue;
    const list = losses.get(overlap.heldBy) ?? [];
    losses.set(overlap.heldBy, [...list, overlap]);
  }
  return losses;
}

const ORDER: readonly Action[] = ['create', 'update', 'replace', 'handover', 'delete', 'none'];
/** Stable, so that within one action the file's order stays. */
const byAction = (a: PlannedChange, b: PlannedChange): number =>
  ORDER.indexOf(a.action) - ORDER.indexOf(b.action);

/** Streams and consumers that no mode of the topology names; a durable that a migration left behind is named by one. */
function unmanaged({ topology, desired, live }: PlanInput): Plan['unmanaged'] {
  const key = (stream: string, name: string) => `${stream} ${name}`;
  const ours = new Set(desired.consumers.map(({ stream, name }: DesiredConsumer) => key(stream, name)));
  for (const mode of Object.values(topology.modes))
    for (const [name, { stream }] of Object.entries(mode.consumers)) ours.add(key(stream, name));
  const consumers = [...live.streams].flatMap(([stream, one]) =>
    one.consumers.filter(({ name }) => !ours.has(key(stream, name))).map(({ name }) => ({ stream, name })),
  );
  return {
    streams: live.foreign.filter(({ internal }) => !internal).map(({ info }) => info.config.name),
    consumers,
  };
}
