import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type HttpServer, startHttpServer } from '../../../consumers-runtime/src/shared/httpServer.ts';
import type { Log } from '../../../consumers-runtime/src/shared/log.ts';

// A server that stops while clients hold connections to it, as load balancers and the API server's proxy do for their next request.
let server: HttpServer;
let begun: Promise<void>;
let answer: () => void;
beforeEach(async () => {
  let begin: () => void;
  begun = new Promise((resolve) => (begin = resolve));
  const held = new Promise<void>((resolve) => (answer = resolve));
  const handle = async () => {
    begin();
    await held;
    return { status: 200, text: 'answered' };
  };
  server = await startHttpServer({
    port: 0,
    portVariable: 'PORT',
    routes: [{ method: 'GET', path: '/', handle }],
    log: { error: () => {} } as unknown as Log,
  });
});

const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});
async function open(): Promise<Socket> {
  const socket = connect(server.port, '127.0.0.1').on('error', () => {});
  sockets.push(socket);
  await once(socket, 'connect');
  return socket;
}
const REQUEST = 'GET / HTTP/1.1\r\nhost: here\r\n\r\n';

test('a connection on which no request ever came does not keep it from stopping', async () => {
  const reserve = await open();
  reserve.resume();
  let isStopped = false;
  void server.stop().then(() => (isStopped = true));
  await expect
    .poll(() => ({ isStopped, isClosed: reserve.closed }), { timeout: 5_000 })
    .toEqual({ isStopped: true, isClosed: true });
});

test('a request that runs is answered whole, and its connection is not kept for another', async () => {
  const client = await open();
  let said = '';
  client.on('data', (chunk: Buffer) => (said += chunk.toString()));
  client.write(REQUEST);
  await begun;
  const stopped = server.stop();
  let isStopped = false;
  void stopped.then(() => (isStopped = true));
  const reserve = await open().then(
    () => 'taken',
    () => 'refused',
  );
  expect(isStopped).toBe(false);
  answer();
  await stopped;
  await once(client, 'close');
  expect(said).toMatch(/^HTTP\/1\.1 200 OK\r\n.*connection: close.*answered$/is);
  expect(reserve).toBe('refused');
});
