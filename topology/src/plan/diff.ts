import type { LiveAccount } from '../live/liveAccount.ts';
import { liveConsumer } from '../live/liveAccount.ts';
import { MIXED, type ModeReading } from '../live/readMode.ts';
import type { Desired, Topology } from '../model.ts';
import type { ServerKind } from './capabilities.ts';
import type { Deletion } from './deletions.ts';
import { diffConsumer } from './diffConsumer.ts';
import type { ConsumerSurroundings } from './consumerValues.ts';
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
    return diffStream({
      mode: desired.mode,
      desired: stream,
      server,
      gains: gains.get(stream.name) ?? [],
      losses: losses.get(stream.name) ?? [],
      runOpen: input.runOpen ?? false,
      live: standing,
      deletion: input.deletions?.get(stream.name),
    });
  });
  const changes = [
    ...streams.sort(byAction),
    ...diffConsumers(input, server, losses.size > 0).sort(byAction),
  ].map(mode.live === MIXED ? withoutMigration : (change) => change);
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

function diffConsumers(
  { desired, live }: PlanInput,
  server: ServerKind,
  subjectsMove: boolean,
): PlannedChange[] {
  const limit = (live.account.limits as { max_ack_pending?: number }).max_ack_pending;
  const surroundings = new Map(
    desired.streams.map((stream): [string, ConsumerSurroundings] => [
      stream.name,
      { stream: stream.fields, ...(limit === undefined ? {} : { accountMaxAckPending: limit }) },
    ]),
  );
  let homes: Map<string, string[]> | undefined; // only a durable that is missing asks
  return desired.consumers.map((consumer) => {
    const standing = liveConsumer(live, consumer.stream, consumer.name);
    if (!standing) homes ??= durableHomes(live);
    return diffConsumer({
      mode: desired.mode,
      desired: consumer,
      live: standing,
      subjectsMove,
      elsewhere: standing ? [] : (homes?.get(consumer.name) ?? []),
      waiting: live.streams.get(consumer.stream)?.info.state.messages ?? 0,
      surroundings: surroundings.get(consumer.stream) ?? { stream: {} },
      server,
    });
  });
}

/** No migration begins in an account that fits no mode: what its hint would name is refused. */
function withoutMigration(change: PlannedChange): PlannedChange {
  if (change.class !== 'handover') return change;
  const { hint: _, ...rest } = change;
  return rest;
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

const ORDER: Readonly<Record<Action, number>> = {
  create: 0,
  update: 1,
  replace: 2,
  handover: 3,
  delete: 4,
  none: 5,
};
/** Stable, so that within one action the file's order stays. */
const byAction = (a: PlannedChange, b: PlannedChange): number => ORDER[a.action] - ORDER[b.action];

/** Streams and consumers that no mode of the topology names; a durable that a migration left behind is named by one. */
function unmanaged({ topology, live }: PlanInput): Plan['unmanaged'] {
  const modes = Object.values(topology.modes);
  const named = (stream: string, name: string): boolean =>
    modes.some(({ consumers }) => Object.hasOwn(consumers, name) && consumers[name]!.stream === stream);
  const consumers: Plan['unmanaged']['consumers'] = [];
  for (const [stream, one] of live.streams)
    for (const { name } of one.consumers) if (!named(stream, name)) consumers.push({ stream, name });
  return {
    streams: live.foreign.filter(({ internal }) => !internal).map(({ info }) => info.config.name),
    consumers,
  };
}
