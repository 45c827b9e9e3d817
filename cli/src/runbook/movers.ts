import { type LiveAccount, liveConsumer, type Mover, type Topology } from '@aa-ops/topology';

/**
 * The durables that live on another stream in the mode `to`, and stand on the one that they have in the mode `from`. Where
 * the file moved one inside a mode, it stands wherever it stands. One that stands nowhere is no mover: it is made as
 * declared. One that an earlier migration left behind elsewhere does not count.
 */
export function moversOf(topology: Topology, from: string, to: string, live: LiveAccount): Mover[] {
  return Object.entries(topology.modes[to]!.consumers).flatMap(([name, { stream }]) => {
    const before = topology.modes[from]?.consumers[name]?.stream;
    const info =
      from === to
        ? liveConsumer(live, stream, name)
          ? undefined
          : anywhere(live, name)
        : before !== undefined && before !== stream
          ? liveConsumer(live, before, name)
          : undefined;
    return info ? [{ name, from: info, to: stream }] : [];
  });
}

const anywhere = (live: LiveAccount, name: string) =>
  [...live.streams.values()].flatMap(({ consumers }) => consumers).find((info) => info.name === name);
