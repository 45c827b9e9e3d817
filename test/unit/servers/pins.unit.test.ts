import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { EMBEDDED_POSTGRES_VERSION } from '../../../cli/src/servers/embeddedPostgres.ts';
import { NATS_VERSION, NATS_WHEELS } from '../../../cli/src/servers/natsPins.ts';

test('every pinned nats-server has a checksum for each platform', () => {
  expect(Object.keys(NATS_WHEELS)).toContain(NATS_VERSION);
  for (const wheels of Object.values(NATS_WHEELS)) {
    expect(Object.keys(wheels).sort()).toEqual(['darwin-arm64', 'darwin-x64', 'linux-arm64', 'linux-x64']);
    for (const sum of Object.values(wheels)) expect(sum).toMatch(/^[0-9a-f]{64}$/);
  }
  const all = Object.values(NATS_WHEELS).flatMap((wheels) => Object.values(wheels));
  expect(new Set(all).size).toBe(all.length);
});

test('the PostgreSQL that goes into the cache is the one of package.json', () => {
  const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as {
    dependencies: Record<string, string>;
  };
  expect(dependencies['embedded-postgres']).toBe(EMBEDDED_POSTGRES_VERSION);
});
