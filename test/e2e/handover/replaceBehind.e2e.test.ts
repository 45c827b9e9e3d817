import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type JetStreamWriter, loadTopology, openWriter, type Topology } from '@aa-ops/topology';
import { StateStore } from '../../../cli/src/saga/stateStore.ts';
import { commandOn, type OnFile } from '../../support/liveAccount.ts';
import { applyTopology } from '../../support/runs.ts';
import { type NatsServer, startNats } from '../../support/servers.ts';

const SEED = fileURLToPath(new URL('../../support/seed-topology.yaml', import.meta.url));
const STREAM = 'ATHLETE_ALLY_EVENTS';
const DURABLE = 'normalize-hrv-durable';
const HRV = 'athlete-ally.hrv.raw-received';
const cwd = mkdtempSync(join(tmpdir(), 'aa-behind-'));
const MEMORY = join(cwd, 'memory.yaml');

let server: NatsServer;
let account: JetStreamWriter;
let topology: Topology;
const published: string[] = [];

let run: OnFile;

async function succeeds<T = object>(file: string, ...args: string[]): Promise<T> {
  const ended = await run(file, args);
  expect(ended.code, `${args.join(' ')}: ${ended.stdout}${ended.stderr}`).toBe(0);
  return ended.json<T>();
}

/** How many entries a run has written when it is about to delete a stream for the last time. */
async function entriesUpToLastDelete(id: string): Promise<number> {
  const entries = await (await StateStore.open(account, topology)).journal(id);
  return entries.findLastIndex(({ effect, phase }) => effect === 'delete-stream' && phase === 'started') + 1;
}

/** Every third message is not for the durable, and says the same as all others of its kind. */
async function publish(count: number): Promise<void> {
  for (let n = 0; n < count; n++) {
    const text = `${published.length}`;
    await account.connection.request(HRV, text);
    published.push(text);
    if (n % 2 === 0) await account.connection.request('sleep.scored', 'the same');
  }
}

/** Works what there is, and leaves one message: it is never acked, and the durable's floor stands in front of it. */
async function work(stream: string, count: number, left: string): Promise<void> {
  const consumer = await account.connection.jetstream().consumers.get(stream, DURABLE);
  for await (const message of await consumer.fetch({ max_messages: count, expires: 2_000 })) {
    if (message.string() !== left) await message.ackAck();
  }
}

/** What comes from a durable's place on; it is not asked itself, and so is left as it stands. */
async function fromItsPlace(stream: string): Promise<string[]> {
  const { config } = (await account.consumer(stream, DURABLE))!;
  expect(config.deliver_policy).toBe('by_start_sequence');
  const texts: string[] = [];
  let seq = config.opt_start_seq!;
  for (;;) {
    const message = await account.message(stream, { seq, nextBySubject: HRV });
    if (!message) return texts;
    texts.push(Buffer.from(message.data).toString());
    seq = message.seq + 1;
  }
}

beforeAll(async () => {
  const text = readFileSync(SEED, 'utf8');
  writeFileSync(MEMORY, text.replace(`${STREAM}: { storage: file`, `${STREAM}: { storage: memory`));
  server = await startNats();
  run = commandOn(server.url, cwd);
  account = await openWriter({ servers: [server.url] });
  topology = await loadTopology(SEED, 'test');
  await applyTopology(account, topology);
});
afterAll(async () => {
  await account?.close();
  await server?.stop();
  rmSync(cwd, { recursive: true, force: true });
});

describe('a durable that is behind a migration, while the old stream is made anew', () => {
  const LEFT = '17';

  it('goes back to the message that it has not worked, whose number on the old stream is another one by now', async () => {
    await publish(40);
    await succeeds(SEED, 'migrate', '--to', 'multi');
    await work('AA_CORE_HOT', 40, LEFT);
    await publish(10);
    // Gaps in its numbers, on either side of the message.
    await remove(HRV, [3, 4]);
    await remove('sleep.scored', [0, 12]);
    const first = await succeeds<{ replaced: { run: string }[] }>(MEMORY, 'apply', '--replace');
    await remove('sleep.scored', [14]);
    // The numbers are new once, although another process goes on where this one has written them down.
    const killed = await run(
      SEED,
      ['apply', '--replace'],
      await entriesUpToLastDelete(first.replaced[0]!.run),
    );
    expect(killed.signal).toBe('SIGKILL');
    await succeeds(SEED, 'migrate', '--resume');
    await succeeds(SEED, 'rollback');
    expect(await fromItsPlace(STREAM)).toEqual(published.slice(published.indexOf(LEFT)));
  });

  it('and forth again', async () => {
    await succeeds(SEED, 'migrate', '--to', 'multi');
    expect(await fromItsPlace('AA_CORE_HOT')).toEqual(published.slice(published.indexOf(LEFT)));
  });
});

/** Deletes the old stream's messages of a subject that have these places among them. */
async function remove(subject: string, places: readonly number[]): Promise<void> {
  const { state } = (await account.stream(STREAM))!;
  const seqs: number[] = [];
  for (let seq = state.first_seq; seq <= state.last_seq; seq++)
    if ((await account.message(STREAM, { seq }))?.subject === subject) seqs.push(seq);
  const manager = await account.connection.jetstreamManager();
  for (const place of places) await manager.streams.deleteMessage(STREAM, seqs[place]!);
}
