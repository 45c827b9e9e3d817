import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Capability,
  capabilities,
  has,
  type JetStreamWriter,
  openWriter,
  publishMessage,
} from '@aa-ops/topology';
import { fetchNatsServer, NATS_WHEELS, type NatsServer, startNats } from '../../support/servers.ts';

// The oldest and the newest always; AA_TEST_LONG asks all that are pinned.
const pinned = Object.keys(NATS_WHEELS);
const versions = process.env['AA_TEST_LONG'] ? pinned : [pinned[0]!, pinned.at(-1)!];

let server: NatsServer;
let account: JetStreamWriter;

/** ms for a subject that an old server does not know. */
const UNKNOWN_MS = 1_000;

const ask = async (subject: string, body: object): Promise<boolean> => {
  const answer = await account.connection
    .request(`$JS.API.${subject}`, JSON.stringify(body), { timeout: UNKNOWN_MS })
    .catch(() => undefined);
  return answer !== undefined && !('error' in answer.json<object>());
};
const accepted = (work: Promise<unknown>): Promise<boolean> =>
  work.then(
    () => true,
    () => false,
  );
const stream = async (name: string) => (await account.stream(name))!.config;

/** Whether the server does what the table says from some version on. */
const probes: Record<Capability, () => Promise<boolean>> = {
  messageTtl: async () => {
    const { config } = await account.createStream({ name: 'TTL', subjects: ['ttl'], allow_msg_ttl: true });
    return config.allow_msg_ttl === true;
  },
  consumerPause: () =>
    ask('CONSUMER.PAUSE.S.d', { pause_until: new Date(Date.now() + 60_000).toISOString() }),
  mirrorPromotion: async () => {
    const made = await account.createStream({ name: 'MIRROR', mirror: { name: 'S' } });
    const { mirror: _promoted, ...rest } = made.config;
    return accepted(account.updateStream(rest));
  },
  sourceReaders: async () => {
    await account.createStream({ name: 'QUEUE', subjects: ['queue'], retention: 'workqueue' });
    const durable = { durable_name: 'w', ack_policy: 'explicit' as const, filter_subject: 'queue' };
    await account.createConsumer('QUEUE', durable);
    await account.connection.request('queue', '1');
    const made = await account.createStream({ name: 'COPY', subjects: ['_c'], sources: [{ name: 'QUEUE' }] });
    await expect.poll(async () => (await account.stream('COPY'))!.state.messages).toBe(1);
    const updated = await accepted(account.updateConsumer('QUEUE', { ...durable, description: 'seen' }));
    await account.updateStream({ ...made.config, sources: [] });
    return updated;
  },
  maxConsumersUpdate: async () =>
    accepted(account.updateStream({ ...(await stream('S')), max_consumers: 9 })),
  consumerReset: () => ask('CONSUMER.RESET.S.d', { seq: 1 }),
  replicasChecked: async () =>
    !(await accepted(account.updateStream({ ...(await stream('S')), num_replicas: 3 }))),
  memStorageFixed: async () => {
    const { config } = (await account.consumer('S', 'd'))!;
    return !(await accepted(account.updateConsumer('S', { ...config, mem_storage: true })));
  },
  copyHeaderGuarded: async () => {
    const headers: [string, string][] = [['Nats-Stream-Source', 'OTHER 1 > >']];
    const outcome = await publishMessage(account.connection, 's', new Uint8Array(), {
      headers,
      timeoutMs: 5_000,
    });
    return outcome.status === 'refused' && outcome.code === 'js-10227';
  },
};

describe.each(versions)('nats-server %s', (version) => {
  beforeAll(async () => {
    server = await startNats({ binary: (await fetchNatsServer(version)).path });
    account = await openWriter({ servers: [server.url] });
    await account.createStream({ name: 'S', subjects: ['s'] });
    await account.createConsumer('S', { durable_name: 'd', ack_policy: 'explicit' });
  });
  afterAll(async () => {
    await account?.close();
    await server?.stop();
  });

  it.each(capabilities.map(({ name }) => name))('does as the table says: %s', async (name) => {
    expect(server.version).toBe(version);
    expect(await probes[name]()).toBe(has(version, name));
  });
});
