import { createServer, type RequestListener } from 'node:http';
import { afterEach, expect, test } from 'vitest';
import { type Backend, type FrontDoor, openFrontDoor } from '../../../cli/src/platform/local/frontDoor.ts';
import { freePort } from '../../support/servers.ts';

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

async function backend(name: string, listener: RequestListener): Promise<Backend> {
  const server = createServer(listener);
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  cleanups.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return { name, address: () => `http://127.0.0.1:${(server.address() as { port: number }).port}` };
}

async function open(backends: Backend[]): Promise<FrontDoor> {
  const door = await openFrontDoor(0, () => backends);
  cleanups.push(() => door.close());
  return door;
}

const says =
  (name: string): RequestListener =>
  (_, response) =>
    void response.end(name);

test('takes turns', async () => {
  const { url } = await open([await backend('a', says('a')), await backend('b', says('b'))]);
  const answers: string[] = [];
  for (let i = 0; i < 4; i++) answers.push(await (await fetch(url)).text());
  expect(answers.sort()).toEqual(['a', 'a', 'b', 'b']);
});

test('passes method, path, headers, body and status on, both ways', async () => {
  const { url } = await open([
    await backend('echo', (request, response) => {
      let body = '';
      request.on('data', (chunk) => (body += String(chunk)));
      request.on('end', () => {
        response.writeHead(202, {
          'x-seen': `${request.method} ${request.url} ${String(request.headers['x-mine'])}`,
        });
        response.end(body);
      });
    }),
  ]);
  const options = { method: 'POST', headers: { 'x-mine': 'yes' }, body: 'grüße' };
  const response = await fetch(`${url}/ingest/hrv?x=1`, options);
  expect(response.status).toBe(202);
  expect(response.headers.get('x-seen')).toBe('POST /ingest/hrv?x=1 yes');
  expect(await response.text()).toBe('grüße');
});

test('goes to the next one when a pod refuses the connection, and says 503 when none is left', async () => {
  const nobody = await freePort();
  const gone: Backend = { name: 'gone', address: () => `http://127.0.0.1:${nobody}` };
  const { url } = await open([gone, await backend('here', says('here'))]);
  for (let i = 0; i < 4; i++) expect(await (await fetch(url)).text()).toBe('here');
  const { url: closed } = await open([gone, { name: 'not-ready', address: () => undefined }]);
  expect((await fetch(closed)).status).toBe(503);
});

test('draining waits for the answers that are due and sends nothing new', async () => {
  let answer = (): void => {};
  let tellBegun = (): void => {};
  const begun = new Promise<void>((tell) => (tellBegun = tell));
  const slow = await backend('slow', (_, response) => {
    answer = () => response.end('late but whole');
    tellBegun();
  });
  const { url, drain } = await open([slow]);
  const first = fetch(url).then((response) => response.text());
  await begun;
  let drained = false;
  const draining = drain('slow', 60_000).then(() => (drained = true));
  expect((await fetch(url)).status).toBe(503);
  expect(drained).toBe(false);
  answer();
  await draining;
  expect(await first).toBe('late but whole');
});

test('a request that a pod cuts off is not sent twice', async () => {
  let seen = 0;
  const { url } = await open([
    await backend('cuts', (request) => {
      seen += 1;
      request.socket.destroy();
    }),
    await backend('other', says('other')),
  ]);
  const statuses = [(await fetch(url)).status, (await fetch(url)).status].sort();
  expect(statuses).toEqual([200, 502]);
  expect(seen).toBe(1);
});
