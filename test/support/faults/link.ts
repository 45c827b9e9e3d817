import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A way to the server that can be cut: whoever comes through it has to connect anew. */
export async function startLink(
  port: number,
): Promise<{ url: string; breakAll(): void; stop(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const link = createServer((from) => {
    const to = connect(port, '127.0.0.1');
    for (const [one, other] of [
      [from, to],
      [to, from],
    ] as const) {
      sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
      one.pipe(other);
    }
  });
  await once(link.listen(0, '127.0.0.1'), 'listening');
  const breakAll = (): void => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  return {
    url: `nats://127.0.0.1:${(link.address() as AddressInfo).port}`,
    breakAll,
    async stop() {
      link.close();
      breakAll();
      await once(link, 'close');
    },
  };
}
