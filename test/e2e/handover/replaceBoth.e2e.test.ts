import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type JetStreamWriter, loadTopology, openWriter } from '@aa-ops/topology';
import { commandOn } from '../../support/liveAccount.ts';
import { applyTopology } from '../../support/runs.ts';
import { type NatsServer, startNats } from '../../support/servers.ts';

const SEED = fileURLToPath(new URL('../../support/seed-topology.yaml', import.meta.url));
const STREAM = 'ATHLETE_ALLY_EVENTS';
const DURABLE = 'normalize-hrv-durable';
const cwd = mkdtempSync(join(tmpdir(), 'aa-both-'));
const BOTH = join(cwd, 'both.yaml');

let server: NatsServer;
let account: JetStreamWriter;

beforeAll(async () => {
  const text = readFileSync(SEED, 'utf8')
    .replace(`${STREAM}: { storage: file`, `${STREAM}: { storage: memory`)
    .replace('ackPolicy: explicit', 'ackPolicy: all');
  writeFileSync(BOTH, text);
  server = await startNats();
  account = await openWriter({ servers: [server.url] });
  await applyTopology(account, await loadTopology(SEED, 'test'));
  for (let n = 0; n < 5; n++) await account.connection.request('athlete-ally.hrv.raw-received', `${n}`);
});
afterAll(async () => {
  await account?.close();
  await server?.stop();
  rmSync(cwd, { recursive: true, force: true });
});

it('a stream and one of its durables are made anew by one command', async () => {
  const run = commandOn(server.url, cwd);
  const applied = await run(BOTH, ['apply', '--replace']);
  expect(applied.code, applied.stdout + applied.stderr).toBe(0);
  expect(applied.json<{ replaced: object[] }>().replaced).toHaveLength(2);
  expect((await account.stream(STREAM))!.config.storage).toBe('memory');
  expect((await account.stream(STREAM))!.state.messages).toBe(5);
  const durable = (await account.consumer(STREAM, DURABLE))!;
  expect(durable.config.ack_policy).toBe('all');
  expect(durable.num_pending).toBe(5);
  const plan = await run(BOTH, ['plan']);
  expect(plan.code, plan.stdout).toBe(0);
});
