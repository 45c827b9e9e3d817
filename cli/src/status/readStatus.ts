import {
  type JetStreamReader,
  liveConsumer,
  readLive,
  readMode,
  realSubjects,
  type Topology,
} from '@aa-ops/topology';
import { countDeadLetters, deadLettersOf, deadLetterStreams } from '../checks/deadLetters.ts';
import type { PodsView } from '../platform/describePods.ts';
import { StateReader } from '../saga/stateStore.ts';

export type Status = Awaited<ReturnType<typeof readStatus>> & PodsView;

/** Where an account stands: mode, owners, positions, dead letters, the open run and who holds the lease. */
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
      sources: (info.sources ?? []).map(({ name, lag }) => ({ name, lag })),
    })),
    consumers: [...live.streams].flatMap(([stream, { consumers }]) =>
      consumers
        .filter(({ name }) => durables.has(name))
        .map(({ name, num_pending, num_ack_pending, ack_floor, delivered, paused = false }) => ({
          stream,
          name,
          pending: num_pending,
          ackPending: num_ack_pending,
          ackFloor: ack_floor.stream_seq,
          /** Deliveries that wait for no ack any more. */
          settled: delivered.consumer_seq - num_ack_pending,
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
