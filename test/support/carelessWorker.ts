import { setTimeout as delay } from 'node:timers/promises';
import type { NatsError } from 'nats';
import { type ConnectSettings, openConnection, type Topology } from '@aa-ops/topology';
import type { WorkRecord } from '../../cli/src/traffic/index.ts';

export interface CarelessWorker {
  /** The pods' restart: from now on it reads where the durable lives in that mode. */
  follow(mode: string): void;
  /** Works what is left, redeliveries included, and ends once the durable has nothing any more. */
  finish(): Promise<void>;
}

/**
 * A consumer as pods are, but worse: it leaves every twentieth message unacked the first time, so that a durable's floor
 * stands still while it works on. What it acked is on record.
 */
export async function startCarelessWorker(
  settings: ConnectSettings,
  topology: Topology,
  durable: string,
  firstMode: string,
  record: WorkRecord,
): Promise<CarelessWorker> {
  const connection = await openConnection({ ...settings, name: 'worker' });
  const jetStream = connection.jetstream();
  let mode = firstMode;
  let finishing = false;
  let seen = 0;
  const turn = async (): Promise<boolean> => {
    const { stream } = topology.modes[mode]!.consumers[durable]!;
    const consumer = await jetStream.consumers.get(stream, durable);
    for await (const message of await consumer.fetch({ max_messages: 200, expires: 1_000 })) {
      seen += 1;
      if (!finishing && seen % 20 === 0) continue;
      const headers = { first: (name: string) => message.headers?.values(name)[0] };
      record.note({ subject: message.subject, headers, data: message.data });
      message.ack();
    }
    const { num_pending, num_ack_pending, delivered } = await consumer.info();
    if (num_pending > 0 || num_ack_pending > 0) return false;
    return !finishing || (await lastOf(stream)) <= delivered.stream_seq;
  };
  const manager = await connection.jetstreamManager();
  /** What the stream's leader has: a durable's may live where the stream lags behind, and know of nothing more for a while. */
  const lastOf = async (stream: string): Promise<number> => {
    const filters = topology.consumers[durable]?.filter_subjects ?? ['>'];
    const found = await Promise.all(
      filters.map((last_by_subj) =>
        manager.streams.getMessage(stream, { last_by_subj }).then(
          ({ seq }) => seq,
          (error: unknown) => {
            if ((error as NatsError).api_error?.code === 404) return 0;
            throw error;
          },
        ),
      ),
    );
    return Math.max(...found);
  };
  const running = (async () => {
    for (;;) {
      const last = finishing; // a turn that was begun before may have looked where the durable was
      // A durable that is being made anew is not there for a moment: look again.
      const empty = await turn().catch(() => delay(20).then(() => false));
      if (last && empty) return;
    }
  })();
  return {
    follow(next) {
      mode = next;
    },
    async finish() {
      finishing = true;
      await running;
      await connection.close();
    },
  };
}
