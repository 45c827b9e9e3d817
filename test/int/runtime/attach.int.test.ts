import { execFileSync } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { attach, type Attachment } from '../../../consumers-runtime/src/normalize/attach.ts';
import { readNormalizeConfig } from '../../../consumers-runtime/src/normalize/config.ts';
import type { Incoming } from '../../../consumers-runtime/src/normalize/message.ts';
import type { Log } from '../../../consumers-runtime/src/shared/log.ts';
import { type NatsLink, openNatsLink } from '../../../consumers-runtime/src/shared/natsLink.ts';
import {
  addDurable,
  type Bus,
  DURABLE,
  event,
  makeTopology,
  publish,
  startBus,
  SUBJECT,
  until,
} from './bus.ts';

/** The part of the client that its types do not show (nats 2.29.3, lib/nats-base-client/protocol.js). */
const subscriptions = ({ nc }: NatsLink): number =>
  (nc as unknown as { protocol: { subscriptions: { size(): number } } }).protocol.subscriptions.size();

const PUBLISH_TEN = `
  const [, url, subject] = process.argv;
  require('nats').connect({ servers: url }).then(async (nc) => {
    for (let i = 0; i < 10; i++) await nc.jetstream().publish(subject);
    await nc.close();
  });
`;

describe('the tie to the durable', () => {
  let bus: Bus;
  let link: NatsLink;
  let attachment: Attachment;
  let stopping: AbortController;
  let lines: string[];
  let received: Incoming[];
  /** Called within the line that says so. */
  let onLetGo: () => void;

  beforeEach(async () => {
    bus = await startBus();
    await makeTopology(bus);
    [stopping, lines, received, onLetGo] = [new AbortController(), [], [], () => {}];
    const write = (line: string): void => {
      lines.push(line);
      if (line.includes('let go')) onLetGo();
    };
    const log: Log = { info: write, warn: write, error: write };
    const config = readNormalizeConfig({
      NATS_URL: bus.nats.url,
      DATABASE_URL: bus.postgres.url,
      EVENT_STREAM_MODE: 'multi',
    });
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
  const from = (stream: string): number => received.filter((one) => one.stream === stream).length;
  afterEach(async () => {
    stopping.abort();
    await attachment.stop();
    await link.close(AbortSignal.timeout(5_000));
    await bus.stop();
  });

  it('is made again when the server answers nothing for a while, also while the durable is being read', async () => {
    await publish(bus, event());
    await until('the first has come', () => received.length === 1);
    const usual = subscriptions(link);
    for (const round of [1, 2]) {
      process.kill(bus.nats.pid, 'SIGSTOP');
      try {
        // The durable is asked for 0.5 s after the stop at the latest, and the question stands for 5 s; the puller gives up before.
        await until('the puller has given up', () => attachment.binding() === undefined, 10_000);
      } finally {
        process.kill(bus.nats.pid, 'SIGCONT');
      }
      await publish(bus, event({ userId: `behind-${round}` }));
      await until('the one behind has come', () => received.length === 1 + round);
      expect(attachment.binding()).toBeDefined();
    }
    expect(lines.filter((line) => line.includes('let go'))).toEqual(
      Array(2).fill(
        '[normalize] Consumer normalize-hrv-durable on ATHLETE_ALLY_EVENTS let go: no answer to pull requests. Binding again.',
      ),
    );
    await until('nothing is left of the pullers that gave up', () => subscriptions(link) === usual);
  });

  it('takes what is under way to it when it leaves a fall-back', async () => {
    const fallBack = 'ATHLETE_ALLY_EVENTS';
    await until('it is bound', () => attachment.binding()?.stream === fallBack);
    // From another process, since ours is not to read anything before it has let go.
    onLetGo = () => void execFileSync(process.execPath, ['-e', PUBLISH_TEN, bus.nats.url, SUBJECT]);
    await bus.jsm.streams.add({
      name: 'AA_CORE_HOT',
      subjects: ['moved.>'],
      sources: [{ name: fallBack }],
    });
    await addDurable(bus, 'AA_CORE_HOT');
    await until('the copies have come', () => from('AA_CORE_HOT') === 10);
    await until('all that the fall-back has delivered has come', async () => {
      return (await bus.jsm.consumers.info(fallBack, DURABLE)).delivered.consumer_seq === from(fallBack);
    });
  });
});
