import { setImmediate as nextTurn } from 'node:timers/promises';
import { type JetStreamWriter, openWriter, patient, type StreamConfig } from '@aa-ops/topology';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type NatsServer, startNats } from '../../support/servers.ts';
import { standStill } from '../../support/standStill.ts';

// Since nats-server 2.11 two updates of a stream at once subscribe what they add twice, and whatever comes there is stored twice from then on: some
// 7 of 100 streams that a server which stood still finds two updates for.
const STREAMS = 150;
const TIMEOUT_MS = 1_000;

describe.skipIf(process.platform === 'win32')('a server that stood still with updates before it', () => {
  let server: NatsServer;
  let account: JetStreamWriter;
  let configs: StreamConfig[];
  beforeEach(async () => {
    server = await startNats();
    account = await openWriter({ servers: [server.url], timeoutMs: TIMEOUT_MS });
    configs = [];
    for (let n = 0; n < STREAMS; n++) {
      const { config } = await account.createStream({ name: `S${n}`, subjects: [`s${n}.old`] });
      configs.push({ ...config, subjects: [`s${n}.old`, `s${n}.new`] });
    }
  });
  afterEach(async () => {
    await account.close();
    await server.stop();
  });

  const goOn = (): boolean => process.kill(server.pid, 'SIGCONT');

  /** Asks a server that stands still for two updates of each stream: the first ones are given up, the others asked again, and it goes on. */
  async function askTwice(first: (config: StreamConfig) => StreamConfig): Promise<void> {
    const insistent = patient(account, { forMs: 30_000 });
    await standStill(server.pid);
    const given: Promise<unknown>[] = [];
    const asked: Promise<unknown>[] = [];
    for (const config of configs) {
      given.push(account.updateStream(first(config)).catch((error: unknown) => error));
      asked.push(insistent.updateStream(config)); // next to it in the server's queue
    }
    for (const up of await Promise.all(given)) expect(up).toBeInstanceOf(Error);
    const { outMsgs } = account.connection.stats();
    await expect
      .poll(() => account.connection.stats().outMsgs, { timeout: 30_000 })
      .toBeGreaterThanOrEqual(outMsgs + STREAMS);
    goOn();
    await Promise.all(asked);
  }

  /** How many streams store a publish, which bears no id, more often than once. */
  async function storedTwice(): Promise<number> {
    const publish = (subject: string) => account.connection.request(subject, 'once', { timeout: 5_000 });
    const messages = await Promise.all(
      configs.map(async ({ name, subjects }) => {
        const [old, added] = subjects as [string, string];
        await publish(added);
        await publish(old); // behind whatever the stream was given before
        return (await account.stream(name))!.state.messages;
      }),
    );
    return messages.filter((count) => count > 2).length;
  }

  it('hears nothing twice, however often it was asked', { timeout: 60_000 }, async () => {
    await askTwice((config) => config);
    expect(await storedTwice()).toBe(0);
  });

  it(
    'hears nothing twice where another process ends what a dead one had asked',
    { timeout: 60_000 },
    async () => {
      const other = await openWriter({ servers: [server.url] });
      for (const config of configs) {
        await standStill(server.pid);
        const dead = account.updateStream(config).catch(() => {});
        const ended = other.afterUpdates(config.name).then(() => other.updateStream(config));
        await nextTurn(); // both have written to their sockets
        goOn();
        await Promise.all([dead, ended]);
      }
      await other.close();
      expect(await storedTwice()).toBe(0);
    },
  );

  it('hears what it was asked last', { timeout: 60_000 }, async () => {
    await askTwice((config) => ({ ...config, subjects: [`${config.name}.none`] }));
    const infos = await Promise.all(configs.map(({ name }) => account.stream(name)));
    expect(infos.map((info) => info!.config.subjects)).toEqual(configs.map(({ subjects }) => subjects));
    expect(await storedTwice()).toBe(0);
  });
});
