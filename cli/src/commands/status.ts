import {
  type JetStreamReader,
  liveConsumer,
  readLive,
  readMode,
  realSubjects,
  type Topology,
} from '@aa-ops/topology';
import { countDeadLetters, deadLettersOf, deadLetterStreams } from '../checks/deadLetters.ts';
import type { CommandContext, CommandResult } from '../frame/command.ts';
import { describePods, type PodsView } from '../platform/describePods.ts';
import { renderStatus } from '../render/status.ts';
import { StateReader } from '../saga/stateStore.ts';

/** Where the environment stands: mode, owners, positions, dead letters, pods, the open run and who holds the lease. */
export async function run(context: CommandContext): Promise<CommandResult> {
  const topology = await context.topology();
  const [account, pods] = await Promise.all([
    context.reader().then((reader) => readStatus(reader, topology)),
    describePods(topology, context.signal),
  ]);
  const status = { ...account, ...pods };
  return { json: status, text: renderStatus(status) };
}

export type Status = Awaited<ReturnType<typeof readStatus>> & PodsView;

export async function readStatus(account: JetStreamReader, topology: Topology) {
  const live = await readLive(account, topology);
  const mode = readMode(topology, live);
  const state = new StateReader(account, topology.name);
  const [open, lease] = await Promise.all([state.openRun(), state.lease()]);
  const holders = await deadLetterStreams(account, topology);
  const durables = new Set(Object.keys(topology.consumers));
  return {
    schemaVersion: 1,
    mode: mode.live,
    streams: [...live.streams.values()].map(({ info }) => ({
      name: info.config.name,
      subjects: realSubjects(info.config.subjects),
      messages: info.state.messages,
      lastSequence: info.state.last_seq,
    })),
    consumers: [...live.streams].flatMap(([stream, { consumers }]) =>
      consumers
        .filter(({ name }) => durables.has(name))
        .map(({ name, num_pending, num_ack_pending, ack_floor, paused = false }) => ({
          stream,
          name,
          pending: num_pending,
          ackPending: num_ack_pending,
          ackFloor: ack_floor.stream_seq,
          paused,
          inUse:
            topology.modes[mode.reference]?.consumers[name]?.stream === stream &&
            !!liveConsumer(live, stream, name),
        })),
    ),
    deadLetters: { messages: await countDeadLetters(account, holders, deadLettersOf(topology)) },
    run: open
      ? {
          id: open.id,
          command: open.command,
          from: open.from,
          to: open.to,
          startedAt: open.startedAt,
          steps: open.steps,
          reason: open.reason ?? null,
        }
      : null,
    lease: lease?.value ?? null,
  };
}
