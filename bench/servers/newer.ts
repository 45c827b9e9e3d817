/*
 * Whether what newer servers have measures better than what every server has: moving a durable by reset (2.14) against
 * deleting and making it, and copying by a mirror that is then promoted (2.12) against copying by a source. On the newest
 * pinned server, interleaved. Run: npx tsx bench/servers/newer.ts
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { type JetStreamWriter, openWriter } from '../../topology/src/index.ts';
import { startNats } from '../../cli/src/servers/index.ts';
import { median } from '../median.ts';

const ROUNDS = 200;
const MESSAGES = 200_000;
const COPIES = 5;

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}

async function fill(account: JetStreamWriter): Promise<void> {
  await account.createStream({ name: 'FROM', subjects: ['events.*'] });
  const payload = Buffer.alloc(150, 'x');
  for (let n = 1; n <= MESSAGES; n++) {
    account.connection.publish(`events.${n % 8}`, payload);
    if (n % 2_000 === 0) await account.connection.flush();
  }
  await held(account, 'FROM');
}

async function held(account: JetStreamWriter, stream: string): Promise<void> {
  while ((await account.stream(stream))!.state.messages < MESSAGES)
    await new Promise((resolve) => setTimeout(resolve, 5));
}

async function durables(account: JetStreamWriter): Promise<{ reset: number; anew: number }> {
  const config = { durable_name: 'd', ack_policy: 'explicit', deliver_policy: 'by_start_sequence' } as const;
  await account.createConsumer('FROM', { ...config, opt_start_seq: 1 });
  // Never below its start (10204): one that can go everywhere starts at the first message.
  await account.createConsumer('FROM', { durable_name: 'r', ack_policy: 'explicit', deliver_policy: 'all' });
  const [reset, anew]: [number[], number[]] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    const seq = 1 + ((round * 7_919) % MESSAGES);
    reset.push(await timed(() => account.api('CONSUMER.RESET.FROM.r', { seq })));
    anew.push(
      await timed(async () => {
        await account.deleteConsumer('FROM', 'd');
        await account.createConsumer('FROM', { ...config, opt_start_seq: seq });
      }),
    );
  }
  return { reset: median(reset), anew: median(anew) };
}

async function copies(
  account: JetStreamWriter,
): Promise<{ source: number; mirror: number; promote: number }> {
  const [source, mirror, promote]: [number[], number[], number[]] = [[], [], []];
  const by = async (way: object): Promise<number> => {
    const ms = await timed(async () => {
      await account.createStream({ name: 'TO', ...way });
      await held(account, 'TO');
    });
    return ms;
  };
  for (let round = 0; round < COPIES; round++) {
    const subject_transforms = [{ src: 'events.>', dest: '' }];
    source.push(await by({ sources: [{ name: 'FROM', opt_start_seq: 1, subject_transforms }] }));
    await account.deleteStream('TO');
    mirror.push(await by({ mirror: { name: 'FROM', opt_start_seq: 1 } }));
    const { mirror: _gone, ...plain } = (await account.stream('TO'))!.config;
    promote.push(await timed(() => account.updateStream(plain)));
    await account.deleteStream('TO');
  }
  return { source: median(source), mirror: median(mirror), promote: median(promote) };
}

const server = await startNats();
try {
  const account = await openWriter({ servers: [server.url] });
  await fill(account);
  const moved = await durables(account);
  const copied = await copies(account);
  await account.close();
  const rate = (ms: number): number => Math.round((MESSAGES / ms) * 1_000);
  const result = {
    server: server.version,
    durableMs: moved,
    copyPerSecond: { source: rate(copied.source), mirror: rate(copied.mirror) },
    promoteMs: copied.promote,
  };
  mkdirSync('bench/out', { recursive: true });
  writeFileSync('bench/out/servers.json', `${JSON.stringify(result, null, 2)}\n`);
  console.log(JSON.stringify(result, null, 2));
} finally {
  await server.stop();
}
