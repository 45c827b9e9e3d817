/*
 * `compare` of a stream and its copy against a naive walk by sequence: one request for each message of each stream, as
 * a script would do it, and 64 of them in flight. Interleaved, in one process; memory of the whole process beside it.
 * Run: npm run bench:compare [-- MESSAGES]
 */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import {
  compareStreams,
  inFlight,
  type JetStreamWriter,
  openWriter,
  type StreamPlace,
} from '../../topology/src/index.ts';
import { startNats } from '../../cli/src/servers/index.ts';
import { median } from '../median.ts';

const MESSAGES = Number(process.argv[2] ?? 500_000);
/** The walks are slow: they read this many messages of each stream, which changes nothing in their rate. */
const WALKED = Math.min(MESSAGES, 20_000);
const ROUNDS = Number(process.env['ROUNDS'] ?? 5);
const PAYLOAD = 150;

async function fill(account: JetStreamWriter): Promise<void> {
  await account.createStream({ name: 'FROM', subjects: ['events.*'], storage: 'file' });
  const payload = Buffer.alloc(PAYLOAD, 'x');
  for (let n = 0; n < MESSAGES;) {
    const end = Math.min(MESSAGES, n + 2_000);
    for (; n < end; n++) {
      payload.write(String(n).padStart(10, '0'));
      if (n < end - 1) account.connection.publish(`events.${n % 8}`, payload);
      // Its ack is awaited: a server that is given more than it can queue drops what nobody waits for.
      else await account.connection.request(`events.${n % 8}`, payload, { timeout: 30_000 });
    }
  }
  await account.createStream({ name: 'TO', storage: 'file', sources: [{ name: 'FROM' }] });
  await until(async () => (await account.stream('FROM'))!.state.messages === MESSAGES);
  await until(async () => (await account.stream('TO'))!.state.messages === MESSAGES);
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 100));
}

/** Reads each sequence of both streams by a request of its own and compares the two answers. */
async function walk(account: JetStreamWriter, requests: number): Promise<void> {
  const seqs = Array.from({ length: WALKED }, (_, n) => n + 1);
  const different = await inFlight(requests, seqs, async (seq) => {
    const [a, b] = await Promise.all([account.message('FROM', { seq }), account.message('TO', { seq })]);
    return !a || !b || a.subject !== b.subject || Buffer.compare(a.data, b.data) !== 0;
  });
  if (different.includes(true)) throw new Error('the walk found a difference');
}

/** The built command, from its start to its end: messages a second, and the most memory that it had, MiB. */
async function command(url: string): Promise<{ perSecond: number; peakMiB: number }> {
  const begun = performance.now();
  const child = spawn(process.execPath, ['dist/cli/aa-ops.js', 'compare', 'FROM', 'TO', '--server', url], {
    stdio: 'ignore',
  });
  let peak = 0;
  const look = setInterval(() => {
    try {
      peak = Math.max(
        peak,
        Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1] ?? 0),
      );
    } catch {
      // it has ended
    }
  }, 20);
  const code = await new Promise((resolve) => child.on('close', resolve));
  clearInterval(look);
  if (code !== 0) throw new Error(`aa-ops compare ended with ${code}`);
  return { perSecond: (MESSAGES / (performance.now() - begun)) * 1_000, peakMiB: peak / 1_024 };
}

const seconds = async (work: () => Promise<unknown>): Promise<number> => {
  const begun = performance.now();
  await work();
  return (performance.now() - begun) / 1_000;
};

const server = await startNats();
try {
  const account = await openWriter({ servers: [server.url] });
  await fill(account);
  const place = async (name: string): Promise<StreamPlace> => ({
    account,
    info: (await account.stream(name))!,
  });
  const rates = { compare: [] as number[], one: [] as number[], many: [] as number[] };
  let rss = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const took = await seconds(async () => {
      const { equal, messages } = await compareStreams(await place('FROM'), await place('TO'));
      if (!equal || messages !== MESSAGES) throw new Error('the comparison found a difference');
    });
    rss = Math.max(rss, process.memoryUsage().rss);
    rates.compare.push(MESSAGES / took);
    rates.one.push(WALKED / (await seconds(() => walk(account, 1))));
    rates.many.push(WALKED / (await seconds(() => walk(account, 64))));
  }
  await account.close();
  const built = await command(server.url);
  const [compare, one, many] = [median(rates.compare), median(rates.one), median(rates.many)];
  const result = {
    server: server.version,
    node: process.version,
    messages: MESSAGES,
    payloadBytes: PAYLOAD,
    rounds: ROUNDS,
    perSecond: { compare, walk: one, walk64: many },
    ratioToWalk: compare / one,
    ratioToWalk64: compare / many,
    rssMiB: rss / 2 ** 20,
    command: built,
  };
  mkdirSync('bench/out', { recursive: true });
  writeFileSync('bench/out/compare.json', `${JSON.stringify(result, null, 2)}\n`);
  const shown = (rate: number): string => `${Math.round(rate).toLocaleString('en')} messages/s`;
  console.log(
    `${MESSAGES.toLocaleString('en')} messages in each stream, median of ${ROUNDS}, nats-server ${server.version}`,
  );
  console.log(`compare ${shown(compare)}   walk ${shown(one)} (${(compare / one).toFixed(0)} x)`);
  console.log(
    `walk, 64 in flight ${shown(many)} (${(compare / many).toFixed(1)} x)   memory ${Math.round(rss / 2 ** 20)} MiB`,
  );
  console.log(
    `aa-ops compare ${shown(built.perSecond)}, start-up and all, peak memory ${Math.round(built.peakMiB)} MiB`,
  );
} finally {
  await server.stop();
}
