import { expect, test } from 'vitest';
import { atLeast, notFound, parseVersion } from '../../../cli/src/servers/search.ts';

test.each([
  ['nats-server: v2.15.1', [2, 15, 1]],
  ['postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)', [15, 14, 0]],
  ['postgres (PostgreSQL) 18beta1', [18, 0, 0]],
  ['no version here', undefined],
])('reads the version in %s', (text, version) => {
  expect(parseVersion(text)).toEqual(version);
});

test.each([
  [[2, 10, 0], [2, 10], true],
  [[2, 9, 25], [2, 10], false],
  [[3, 0, 0], [2, 10], true],
  [[13, 0], [13], true],
])('%j is at least %j: %s', (version, least, answer) => {
  expect(atLeast(version, least)).toBe(answer);
});

test('names every way that was tried, and what to install', () => {
  const error = notFound('nats-server', ['no nats-server on PATH', 'python3 is not installed'], 'install it');
  expect(error.code).toBe('nats-server-not-found');
  expect(error.message).toContain('no nats-server on PATH; python3 is not installed');
  expect(error.hint).toBe('install it');
});
