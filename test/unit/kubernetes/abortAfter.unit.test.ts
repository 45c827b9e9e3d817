import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { abortAfter } from '../../../cli/src/platform/abortAfter.ts';

// A server that takes connections and says nothing.
let silent: Server;
let url: string;
beforeAll(async () => {
  silent = createServer((socket) => void socket.on('error', () => {}).resume()).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  url = `http://127.0.0.1:${(silent.address() as { port: number }).port}/`;
});
afterAll(() => silent.close());

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

test('a request that nobody answers ends at its bound, whatever was collected meanwhile', async () => {
  const run = new AbortController();
  const ends = Array.from({ length: 20 }, () =>
    fetch(url, { signal: abortAfter(400, run.signal) }).catch((error: Error) => error.name),
  );
  for (let i = 0; i < 5; i++) {
    await pause(20);
    collect();
  }
  expect(new Set(await Promise.all(ends))).toEqual(new Set(['TimeoutError']));
});

test('it ends before that where the run is interrupted, with its reason', async () => {
  const run = new AbortController();
  const reason = new Error('interrupted');
  const end = fetch(url, { signal: abortAfter(60_000, run.signal) }).catch((error: unknown) => error);
  collect();
  run.abort(reason);
  expect(await end).toBe(reason);
  expect(() => abortAfter(1, run.signal)).toThrow(reason);
});
