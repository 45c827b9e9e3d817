import net, { type AddressInfo } from 'node:net';

export interface Forgetful {
  /** Of the database, through it. */
  url: string;
  /** Connections forgotten so far. */
  forgotten(): number;
  close(): void;
}

/**
 * A balancer that forgets connections: it passes on what holds this text, cuts the client off, and tells the server nothing.
 * `times`: how many; those after that it leaves alone.
 */
export async function startForgetful(databaseUrl: string, text: string, times = 1): Promise<Forgetful> {
  const url = new URL(databaseUrl);
  const target = Number(url.port);
  const upstreams: net.Socket[] = [];
  let count = 0;
  const server = net.createServer((client) => {
    const upstream = net.connect(target, '127.0.0.1');
    upstreams.push(upstream);
    let forgotten = false;
    client.on('data', (chunk) => {
      upstream.write(chunk);
      if (forgotten || count >= times || !chunk.includes(text)) return;
      forgotten = true;
      count++;
      client.destroy();
    });
    upstream.on('data', (chunk) => forgotten || client.write(chunk));
    for (const socket of [client, upstream]) socket.on('error', () => {});
    client.on('close', () => forgotten || upstream.destroy());
    upstream.on('close', () => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url.port = String((server.address() as AddressInfo).port);
  return {
    url: url.href,
    forgotten: () => count,
    close() {
      server.close();
      for (const upstream of upstreams) upstream.destroy();
    },
  };
}
