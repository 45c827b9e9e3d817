import { createServer, type Server } from 'node:net';

/** `count` different TCP ports that were free on 127.0.0.1 a moment ago. All are held until the last is found. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, () => listenAnywhere()));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((closed) => server.close(closed))));
  return ports;
}

export const freePort = async (): Promise<number> => (await freePorts(1))[0]!;

/** Whether nobody listens on 127.0.0.1:port. */
export async function isFree(port: number): Promise<boolean> {
  try {
    const server = await listenAnywhere(port);
    await new Promise((closed) => server.close(closed));
    return true;
  } catch {
    return false;
  }
}

const listenAnywhere = (port = 0): Promise<Server> =>
  new Promise((listening, failed) => {
    const server = createServer();
    server.once('error', failed);
    server.listen(port, '127.0.0.1', () => listening(server));
  });
