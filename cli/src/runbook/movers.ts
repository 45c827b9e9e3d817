import {
  type ConsumerInfo,
  filtersOf,
  intersectSets,
  type LiveAccount,
  liveConsumer,
  type Mover,
  realSubjects,
  type Topology,
} from '@aa-ops/topology';

/**
 * The durables that live on another stream in the mode `to`, and stand on the one that they have in the mode `from`. Where
 * the file moved one inside a mode, it stands where its subjects are. One that stands nowhere is no mover: it is made as
 * declared. One that an earlier migration left behind elsewhere does not count.
 */
export function moversOf(topology: Topology, from: string, to: string, live: LiveAccount): Mover[] {
  return Object.entries(topology.modes[to]!.consumers).flatMap(([name, { stream }]) => {
    const before = topology.modes[from]?.consumers[name]?.stream;
    const info =
      from === to
        ? movedInside(live, stream, name)
        : before !== undefined && before !== stream
          ? liveConsumer(live, before, name)
          : undefined;
    return info ? [{ name, from: info, to: stream }] : [];
  });
}

/** One that stands on the new stream already may have been left behind there: it has its place if that stream owns any of what it reads. */
function movedInside(live: LiveAccount, stream: string, name: string): ConsumerInfo | undefined {
  const there = liveConsumer(live, stream, name);
  if (there && readsOwned(live, there)) return undefined;
  const elsewhere = [...live.streams.values()]
    .flatMap(({ consumers }) => consumers)
    .filter((info) => info.name === name && info.stream_name !== stream);
  return elsewhere.find((info) => readsOwned(live, info)) ?? (there ? undefined : elsewhere[0]);
}

const readsOwned = (live: LiveAccount, { stream_name, config }: ConsumerInfo): boolean =>
  intersectSets(filtersOf(config), realSubjects(live.streams.get(stream_name)!.info.config.subjects)).length >
  0;
