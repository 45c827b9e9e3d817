import type { IncomingMessage } from 'node:http';
import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { readBody } from '../../../consumers-runtime/src/ingest/readBody.ts';

const request = (): PassThrough & IncomingMessage =>
  Object.assign(new PassThrough(), { headers: {} }) as never;

test('a body is read to its end', async () => {
  const whole = request();
  whole.write('{"a"');
  const body = readBody(whole, 100);
  whole.end(':1}');
  expect((await body)!.toString()).toBe('{"a":1}');
});

test('a body that is too large is not read on', async () => {
  const large = request();
  large.write('x'.repeat(101));
  expect(await readBody(large, 100)).toBeUndefined();
});

test('a client that sends no whole body in time is told so, one that went away is not waited for', async () => {
  const slow = request();
  slow.write('{');
  await expect(readBody(slow, 100, 20)).rejects.toMatchObject({ status: 408 });
  const leaving = request();
  leaving.write('{');
  const read = readBody(leaving, 100);
  leaving.destroy();
  await expect(read).rejects.toMatchObject({ status: 499 });
  await expect(readBody(leaving, 100)).rejects.toMatchObject({ status: 499 });
});
