import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { openWriter } from '@aa-ops/topology';
import { askJetStream, probeNats } from '../../../cli/src/servers/natsProbe.ts';
import {
  type NatsOptions,
  type NatsServer,
  startNats,
  startNatsCluster,
  startTimeOf,
} from '../../support/servers.ts';

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});
const start = async (options?: NatsOptions): Promise<NatsServer> => {
  const server = await startNats(options);
  cleanups.push(() => server.stop());
  return server;
};

const create = (port: number, name: string): Promise<unknown> =>
  askJetStream(port, `STREAM.CREATE.${name}`, { name, subjects: [`${name}.>`], storage: 'file' }, 5_000);
const info = (port: number, name: string): Promise<unknown> =>
  askJetStream(port, `STREAM.INFO.${name}`, undefined, 5_000);

/** Stores a message in a stream that hears `KEPT.>`. */
async function keep(url: string, text: string): Promise<void> {
  const account = await openWriter({ servers: [url] });
  await account.connection.request('KEPT.it', text);
  await account.close();
}

/** What that stream has, by sequence from 1 on. */
async function kept(url: string, count: number): Promise<(string | undefined)[]> {
  const account = await openWriter({ servers: [url] });
  try {
    const messages = await Promise.all(
      Array.from({ length: count }, (_, n) => account.message('KEPT', { seq: n + 1 })),
    );
    return messages.map((message) => message && new TextDecoder().decode(message.data));
  } finally {
    await account.close();
  }
}

test('keeps port and store over restart and kill; its temporary folder goes with it', async () => {
  const server = await start();
  await create(server.port, 'KEPT');
  const { url, pid } = server;
  await keep(server.url, 'before the restart');
  await server.restart();
  expect(await kept(server.url, 2)).toEqual(['before the restart', undefined]);
  expect(server.url).toBe(url);
  expect(server.pid).not.toBe(pid);

  await keep(server.url, 'before the kill');
  await server.kill();
  expect(startTimeOf(server.pid)).toBeUndefined();
  await expect(info(server.port, 'KEPT')).rejects.toThrow('ECONNREFUSED');
  await server.restart();
  expect(await kept(server.url, 2)).toEqual(['before the restart', 'before the kill']);

  expect(existsSync(server.dir)).toBe(true);
  await server.stop();
  expect(existsSync(server.dir)).toBe(false);
  expect(server.log()).toContain('Server Exiting');
});

test('servers of one moment do not meet', async () => {
  const servers = await Promise.all([start(), start(), start()]);
  expect(new Set(servers.map((server) => server.port)).size).toBe(3);
  await create(servers[0]!.port, 'ONE');
  await expect(info(servers[1]!.port, 'ONE')).rejects.toThrow('stream not found');
});

test('a folder that is given keeps its store over stop and start', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'aa-ops-nats-'));
  cleanups.push(() => rmSync(dir, { recursive: true }));
  const first = await start({ dir });
  await create(first.port, 'KEPT');
  await keep(first.url, 'before the stop');
  await first.stop();
  const second = await start({ dir });
  expect(await kept(second.url, 2)).toEqual(['before the stop', undefined]);
});

test('takes configuration: accounts', async () => {
  const config = 'accounts { A { jetstream: enabled, users: [{ user: a, password: secret }] } }';
  const { port, log } = await start({ config });
  const { info: hello } = await probeNats(port, undefined, 2_000);
  expect(hello.auth_required).toBe(true);
  expect(log()).toContain('Server is ready');
});

test('says why it did not start, with the end of its log', async () => {
  const { port } = await start();
  await expect(startNats({ port })).rejects.toMatchObject({
    code: 'server-start',
    message: expect.stringMatching(/exited with 1; its log ends with:[^]*address already in use/) as string,
  });
  await expect(startNats({ config: 'no { such: "thing"' })).rejects.toThrow(
    /its log ends with:[^]*Parse error on line 1/,
  );
});

test('a cluster takes replicated streams through every server, and goes on without its leader', async () => {
  const cluster = await startNatsCluster(3);
  cleanups.push(() => cluster.stop());
  const config = { name: 'R3', subjects: ['r3.>'], num_replicas: 3 };
  const [first, , third] = cluster.servers;
  await askJetStream(third!.port, 'STREAM.CREATE.R3', config, 5_000);
  await first!.kill();
  await expect
    .poll(() => info(third!.port, 'R3').then(() => 'answers', String), { timeout: 30_000, interval: 50 })
    .toBe('answers');
  await first!.restart();
  await expect
    .poll(() => info(first!.port, 'R3').then(() => 'answers', String), { timeout: 30_000 })
    .toBe('answers');
});
