import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type JetStreamWriter, loadTopology, openWriter } from '@aa-ops/topology';
import { commandOn, type OnFile } from '../../support/liveAccount.ts';
import { applyTopology } from '../../support/runs.ts';
import { type NatsServer, startNats } from '../../support/servers.ts';

const SEED = fileURLToPath(new URL('../../support/seed-topology.yaml', import.meta.url));
const STREAM = 'ATHLETE_ALLY_EVENTS';
const DURABLE = 'normalize-hrv-durable';
const cwd = mkdtempSync(join(tmpdir(), 'aa-both-'));
const BOTH = join(cwd, 'both.yaml');

const AS_IT_WAS = { storage: 'file', ackPolicy: 'explicit' };

interface Replaced {
  replaced: object[];
}

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

const run: OnFile = (...args) => commandOn(server.url, cwd)(...args);

async function expectAnew(file: string, { storage, ackPolicy }: typeof AS_IT_WAS): Promise<void> {
  expect((await account.stream(STREAM))!.config.storage).toBe(storage);
  expect((await account.stream(STREAM))!.state.messages).toBe(5);
  const durable = (await account.consumer(STREAM, DURABLE))!;
  expect(durable.config.ack_policy).toBe(ackPolicy);
  expect(durable.num_pending).toBe(5);
  const plan = await run(file, ['plan']);
  expect(plan.code, plan.stdout).toBe(0);
}

it('a stream and one of its durables are made anew by one command', async () => {
  const applied = await run(BOTH, ['apply', '--replace']);
  expect(applied.code, applied.stdout + applied.stderr).toBe(0);
  expect(applied.json<Replaced>().replaced).toHaveLength(2);
  await expectAnew(BOTH, { storage: 'memory', ackPolicy: 'all' });
});

it('and by the same command typed again, where the first was killed in the midst of one of them', async () => {
  const killed = await run(SEED, ['apply', '--replace'], 8);
  expect(killed.signal).toBe('SIGKILL');
  const again = await run(SEED, ['apply', '--replace']);
  expect(again.code, again.stdout + again.stderr).toBe(0);
  expect(again.json<Replaced>().replaced).toHaveLength(2);
  await expectAnew(SEED, AS_IT_WAS);
});
