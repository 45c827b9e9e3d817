import { readFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Identity, IDENTITIES, writeKubeconfig } from './identities.ts';
import { HOST_IP } from './network.ts';
import { CONTEXT, NAMESPACE } from './startCluster.ts';
import type { ClusterDescription } from './useCluster.ts';

/** A way to the API server on which its answers take their time. Requests arrive at once: what was asked for happens, its answer is what waits. */
export interface SlowProxy {
  /** A kubeconfig of each identity that leads through here. */
  kubeconfigs: Record<Identity, string>;
  /** ms that the n-th answer of all waits; a handshake is one, too. */
  delayMs: (nth: number) => number;
  /** Whether the answer on the n-th connection, behind its handshake, never comes. */
  hangs: (nth: number) => boolean;
  /** What has come through so far. */
  readonly connections: number;
  readonly answers: number;
  /** Connections whose requests were never answered. */
  readonly hung: number;
  stop(): void;
}

/** Passes TLS through as it is: the API server's certificate names the address that we share with it. */
export async function startSlowProxy(cluster: ClusterDescription): Promise<SlowProxy> {
  const target = { host: HOST_IP, port: Number(new URL(cluster.access.url).port) };
  const sockets = new Set<Socket>();
  const hung = new Set<Socket>();
  const count = { connections: 0, answers: 0 };
  const server = createServer((client) => {
    count.connections += 1;
    const upstream = connect(target);
    const isHanging = proxy.hangs(count.connections);
    let said = 0;
    let answered: Promise<unknown> = Promise.resolve();
    const later = (due: number, answer: () => void): void => {
      answered = answered.then(() => pause(due - performance.now())).then(() => client.destroyed || answer());
    };
    client.on('data', (chunk) => {
      said += 1;
      upstream.write(chunk);
    });
    upstream.on('data', (chunk) => {
      count.answers += 1;
      // The first that a client says is its greeting: the answer to that is the handshake.
      if (isHanging && said > 1) return void hung.add(client);
      // In their order, whatever each one's delay.
      later(performance.now() + proxy.delayMs(count.answers), () => client.write(chunk));
    });
    upstream.on('end', () => {
      if (!isHanging) later(0, () => client.end());
    });
    client.on('end', () => upstream.end());
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => sockets.delete(one));
    }
    client.on('close', () => upstream.destroy());
  });
  await new Promise<void>((listening, failed) => {
    server.once('error', failed);
    server.listen(0, HOST_IP, () => listening());
  });
  const { port } = server.address() as { port: number };
  const kubeconfigs = await writeKubeconfigs(cluster, `https://${HOST_IP}:${port}`);
  const proxy: SlowProxy = {
    kubeconfigs,
    delayMs: () => 0,
    hangs: () => false,
    get connections() {
      return count.connections;
    },
    get answers() {
      return count.answers;
    },
    get hung() {
      return hung.size;
    },
    stop() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
  return proxy;
}

async function writeKubeconfigs(
  { dir, access, kubeconfigs }: ClusterDescription,
  url: string,
): Promise<Record<Identity, string>> {
  const files = await Promise.all(
    IDENTITIES.map(async (identity) => {
      const { users } = JSON.parse(await readFile(kubeconfigs[identity], 'utf8')) as {
        users: [{ user: { token: string } }];
      };
      const { token } = users[0].user;
      const file = join(dir, `${identity}.slow.kubeconfig`);
      return [
        identity,
        await writeKubeconfig(file, { url, ca: access.ca, token }, CONTEXT, NAMESPACE),
      ] as const;
    }),
  );
  return Object.fromEntries(files) as Record<Identity, string>;
}
