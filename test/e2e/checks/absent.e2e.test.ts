import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadTopology, openWriter } from '@aa-ops/topology';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CheckResult } from '../../../cli/src/checks/index.ts';
import { aaOps } from '../../support/cli.ts';
import { applyTopology } from '../../support/runs.ts';
import { freePort, type NatsServer, startNats } from '../../support/servers.ts';

const FILE = join(import.meta.dirname, '../../../topology/athlete-ally.yaml');
let cwd: string;
let server: NatsServer;

beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'aa-absent-'));
  server = await startNats({
    config: `accounts {
      APP { jetstream: enabled, users: [{ user: app, password: app }] }
      PLAIN { users: [{ user: plain, password: plain }] }
    }`,
  });
  const account = await openWriter({ servers: [server.url], user: 'app', password: 'app' });
  await applyTopology(account, await loadTopology(FILE, 'staging'));
  await account.close();
});
afterAll(async () => {
  await server?.stop();
  rmSync(cwd, { recursive: true, force: true });
});

/** Without kubeconfig and without a database: what an operator has who sits down at a new machine. */
async function check(command: string, url: string) {
  const { code, json, stderr } = await aaOps(
    [command, '--topology', FILE, '--env', 'staging', '--server', url, '--wait', '1s', '--output', 'json'],
    { cwd, env: { HOME: cwd, KUBECONFIG: '', DATABASE_URL: '', AA_OPS_ENV: '', NATS_URL: '' } },
  );
  const document = json<{ overall: string; mode: string | null; checks: CheckResult[] }>();
  const of = (id: string): CheckResult => document.checks.find((one) => one.id === id)!;
  return { code, stderr, of, ...document };
}
const as = (user: string): string => server.url.replace('//', `//${user}:${user}@`);

test.each(['verify', 'preflight'])('%s without a kubeconfig says so, and what NATS has', async (command) => {
  const { code, overall, mode, of } = await check(command, as('app'));
  expect({ code, overall, mode }).toEqual({ code: 5, overall: 'red', mode: 'single' });
  expect(of('platform')).toMatchObject({
    level: 'red',
    evidence: expect.stringContaining('neither a kubeconfig nor a service account') as unknown,
    next: expect.stringContaining('set KUBECONFIG') as unknown,
  });
  expect(of('pods-ready').level).toBe('red');
  for (const id of ['nats-server', 'jetstream', 'mode', 'streams', 'consumers', 'dead-letters'])
    expect(of(id)).toMatchObject({ level: 'green' });
  expect(of('database')).toMatchObject({ level: 'yellow', evidence: 'the database has no URL' });
});

test('verify still looks at the counts of the streams where no pod can be listed', async () => {
  expect((await check('verify', as('app'))).of('stream-counts')).toMatchObject({
    level: 'green',
    evidence: expect.stringContaining('ATHLETE_ALLY_EVENTS last sequence') as unknown,
  });
});

test.each(['verify', 'preflight'])('%s of an account without JetStream says so', async (command) => {
  const { code, overall, mode, of } = await check(command, as('plain'));
  expect({ code, overall, mode }).toEqual({ code: 5, overall: 'red', mode: null });
  expect(of('nats-server')).toMatchObject({
    level: 'green',
    evidence: expect.stringContaining('nats-server') as unknown,
  });
  expect(of('jetstream')).toMatchObject({
    level: 'red',
    evidence: expect.stringContaining('JetStream is off for this account') as unknown,
    next: expect.stringContaining('credentials of an account that has JetStream') as unknown,
  });
  expect(of('streams').level).toBe('red');
});

test('verify where no server listens, or refuses the credentials, names that in its first check', async () => {
  const nobody = await check('verify', `nats://127.0.0.1:${await freePort()}`);
  expect(nobody.code).toBe(5);
  expect(nobody.of('nats-server')).toMatchObject({
    level: 'red',
    evidence: expect.stringContaining('no NATS server answered') as unknown,
    next: expect.stringContaining('check --server') as unknown,
  });
  const refused = await check('verify', server.url.replace('//', '//app:wrong@'));
  expect(refused.of('nats-server')).toMatchObject({
    level: 'red',
    evidence: expect.stringContaining('refused the credentials') as unknown,
  });
  expect(JSON.stringify(refused.checks)).not.toContain('wrong@');
});
