import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type Bus,
  clear,
  DURABLE,
  event,
  makeTopology,
  startBus,
  SUBJECT,
  until,
} from '../../int/runtime/bus.ts';
import { type Process, startNormalize } from './processes.ts';

const STREAM = 'ATHLETE_ALLY_EVENTS';

describe('a nats-server that stands still', () => {
  let bus: Bus;
  let pod: Process;

  beforeAll(async () => {
    bus = await startBus();
  });
  afterAll(() => bus.stop());
  beforeEach(async () => {
    await clear(bus);
    await makeTopology(bus, 'single', { ackWaitMs: 60_000 });
  });
  afterEach(async () => {
    pod.signal('SIGKILL');
    await pod.exited;
  });

  const durable = () => bus.jsm.consumers.info(STREAM, DURABLE);

  async function publish(count: number): Promise<void> {
    const js = bus.nc.jetstream();
    for (let from = 0; from < count; from += 500) {
      const users = Array.from({ length: 500 }, (_, i) => `u${from + i}`);
      await Promise.all(users.map((userId) => js.publish(SUBJECT, JSON.stringify(event({ userId })))));
    }
  }

  // Longer than a request may go without an answer: the pod gives the durable up while messages for it are on their way.
  it('leaves no message hanging until its ack wait is over', async () => {
    await publish(40_000);
    pod = await startNormalize(bus);
    await until('it is at work', async () => (await durable()).ack_floor.consumer_seq > 3_000);
    process.kill(bus.nats.pid, 'SIGSTOP');
    try {
      await until('the durable is given up', () => pod.output().includes('let go'));
    } finally {
      process.kill(bus.nats.pid, 'SIGCONT');
    }
    // Well within the ack wait: a message that was dropped would come again only behind it.
    await until('all are settled', async () => {
      const { num_pending, num_ack_pending } = await durable();
      return num_pending === 0 && num_ack_pending === 0;
    });
    const { delivered } = await durable();
    expect(delivered.consumer_seq).toBe(delivered.stream_seq);
  });
});
