import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { attach, type Attachment } from '../../../consumers-runtime/src/normalize/attach.ts';
import { readNormalizeConfig } from '../../../consumers-runtime/src/normalize/config.ts';
import type { Incoming } from '../../../consumers-runtime/src/normalize/message.ts';
import type { Log } from '../../../consumers-runtime/src/shared/log.ts';
import { type NatsLink, openNatsLink } from '../../../consumers-runtime/src/shared/natsLink.ts';
import { type Bus, event, makeTopology, publish, startBus, until } from './bus.ts';

describe('the tie to the durable', () => {
  let bus: Bus;
  let link: NatsLink;
  let attachment: Attachment;
  const stopping = new AbortController();
  const lines: string[] = [];
  const received: Incoming[] = [];

  beforeEach(async () => {
    bus = await startBus();
    await makeTopology(bus);
    const write = (line: string): void => void lines.push(line);
    const log: Log = { info: write, warn: write, error: write };
    const config = readNormalizeConfig({ NATS_URL: bus.nats.url, DATABASE_URL: bus.postgres.url });
    const { signal } = stopping;
    link = (await openNatsLink({ url: bus.nats.url, credsFile: undefined, name: 'test', log, signal }))!;
    attachment = attach({
      link,
      jsm: await link.nc.jetstreamManager({ checkAPI: false }),
      config,
      room: () => 100,
      roomBytes: () => 1_000_000,
      onMessage: (incoming) => void received.push(incoming),
      onBound: () => {},
      onTie: () => {},
      log,
      signal,
      watchMs: 400,
    });
  });
  afterEach(async () => {
    stopping.abort();
    await attachment.stop();
    await link.close(AbortSignal.timeout(5_000));
    await bus.stop();
  });

  it('is made again when the server answers nothing for a while, also while the durable is being read', async () => {
    await publish(bus, event());
    await until('the first has come', () => received.length === 1);
    process.kill(bus.nats.pid, 'SIGSTOP');
    try {
      // The durable is asked for 0.5 s after the stop at the latest, and the question stands for 5 s; the puller gives up before.
      await until('the puller has given up', () => attachment.binding() === undefined, 10_000);
    } finally {
      process.kill(bus.nats.pid, 'SIGCONT');
    }
    await publish(bus, event({ userId: 'behind' }));
    await until('the one behind has come', () => received.length === 2);
    expect(attachment.binding()).toBeDefined();
    expect(lines.filter((line) => line.includes('let go'))).toEqual([
      '[normalize] Consumer normalize-hrv-durable on ATHLETE_ALLY_EVENTS let go: no answer to pull requests. Binding again.',
    ]);
  });
});
