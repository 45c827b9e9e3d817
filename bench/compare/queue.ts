/*
 * Reading a work queue, which lets nobody read it beside its own durables: as compare does, by direct gets of many messages where the stream
 * allows direct gets, else by gets on one inbox; against a request for each message, and against a stream that anybody may read. Interleaved, in one
 * process; the CPU of this process beside it (the server has its own).
 * Run: npx tsx bench/compare/queue.ts [MESSAGES [ROUNDS [REPLICAS]]]
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import {
  inFlight,
  type JetStreamWriter,
  openWriter,
  readRange,
  type StreamConfig,
} from '../../topology/src/index.ts';
import { type NatsServer, startNats, startNatsCluster } from '../../test/support/servers.ts';
import { median } from '../median.ts';

const MESSAGES = Number(process.argv[2] ?? 100_000);
const ROUNDS = Number(process.argv[3] ?? 5);
const REPLICAS = Number(process.argv[4] ?? 1);
const REQUESTS = 256;
const PAYLOAD = 150;

async function fill(account: JetStreamWriter, name: string, config: Partial<StreamConfig>): Promise<void> {
  await account.createStream({
    name,
    subjects: [`${name}.*`],
    storage: 'file',
    num_replicas: REPLICAS,
    ...config,
  });
  const payload = Buffer.alloc(PAYLOAD, 'x');
  for (let n = 1; n <= MESSAGES; n++) {
    const subject = `${name}.${n % 8}`;
    // Each thousandth ack is awaited: a server that is given more than it can queue drops what nobody waits for.
    if (n % 1_000 > 0 && n < MESSAGES) account.connection.publish(subject, payload);
    else await account.connection.request(subject, payload, { timeout: 30_000 });
  }
}

async function read(account: JetStreamWriter, stream: string): Promise<number> {
  let count = 0;
  for await (const batch of readRange(account, stream, { fromSeq: 1 })) count += batch.length;
  return count;
}

async function byRequests(account: JetStreamWriter): Promise<number> {
  const seqs = Array.from({ length: MESSAGES }, (_, n) => n + 1);
  const found = await inFlight(REQUESTS, seqs, (seq) => account.message('QUEUE', { seq }));
  return found.filter((one) => one !== undefined).length;
}

const cluster = REPLICAS > 1 ? await startNatsCluster(REPLICAS) : undefined;
const server = cluster ?? (await startNats());
const account = await openWriter({ servers: cluster?.urls ?? [(server as NatsServer).url] });
await fill(account, 'QUEUE', { retention: 'workqueue' });
await fill(account, 'DIRECT', { retention: 'workqueue', allow_direct: true });
await fill(account, 'STREAM', {});
const ways = {
  direct: () => read(account, 'DIRECT'),
  queue: () => read(account, 'QUEUE'),
  requests: () => byRequests(account),
  stream: () => read(account, 'STREAM'),
};
const perSecond: Record<string, number[]> = {};
const cpu: Record<string, number[]> = {};
for (let round = 0; round < ROUNDS; round++) {
  for (const [way, work] of Object.entries(ways)) {
    const [begun, before] = [performance.now(), process.cpuUsage()];
    const count = await work();
    const [seconds, used] = [(performance.now() - begun) / 1_000, process.cpuUsage(before)];
    if (count !== MESSAGES) throw new Error(`${way} read ${count} of ${MESSAGES}`);
    (perSecond[way] ??= []).push(count / seconds);
    (cpu[way] ??= []).push((used.user + used.system) / count);
  }
}
await account.close();
await server.stop();

const table = Object.keys(ways).map((way) => ({
  way,
  perSecond: Math.round(median(perSecond[way]!)),
  microsecondsOfCpu: Math.round(median(cpu[way]!) * 10) / 10,
}));
const toRequests = perSecond['queue']!.map((one, n) => one / perSecond['requests']![n]!);
const result = {
  messages: MESSAGES,
  rounds: ROUNDS,
  replicas: REPLICAS,
  ways: table,
  queueToRequests: median(toRequests),
};
console.table(table);
console.log(`queue to requests: ${result.queueToRequests.toFixed(2)}`);
mkdirSync('bench/out', { recursive: true });
writeFileSync('bench/out/queue.json', `${JSON.stringify(result, null, 2)}\n`);
process.exit();
