import { connect, type Socket } from 'node:net';
import { afterEach, expect, it, vi } from 'vitest';
import {
  isClean,
  type JetStreamWriter,
  parseHeaders,
  readRange,
  type StreamMessage,
  takeNext,
} from '@aa-ops/topology';
import { migrate } from '../../../cli/src/runbook/migrate.ts';
import { rollBack } from '../../../cli/src/runbook/rollBack.ts';
import { OPTIONS, startRun, type TestRun } from '../../support/runs.ts';
import { seedTopology } from '../../support/topologies.ts';

// A server takes any bytes for headers, and Go's client sends any: the client that we use throws at such a name, in the middle of its parser, and hears
// nothing any more. It is not to be asked for the headers of what others have published.

/** Publishes for which a window is kept open, so that some are held in it. */
const IN_WINDOW = 100;
const SUBJECT = 'athlete-ally.hrv.raw-received';
const BLOCKS = [
  'bad name: x',
  'na\u00efve (1): \u00fc',
  ': no name',
  'no colon',
  'Twice: 1\r\nTwice:   2  \r\nbad name: y',
  '',
].map((lines) => `NATS/1.0\r\n${lines}${lines && '\r\n'}\r\n`);
const blockOf = (n: number): string => BLOCKS[n % BLOCKS.length]!;

let run: TestRun | undefined;
let publisher: ReturnType<typeof startPublisher> | undefined;
afterEach(async () => {
  publisher?.socket.destroy();
  await run?.stop();
  [run, publisher] = [undefined, undefined];
});

/** Publishes one message a millisecond, header lines as they are, each with its number as payload, if no other is given, and a reply subject of its own. */
function startPublisher(
  url: string,
  subject: string | Uint8Array = SUBJECT,
  payload?: string,
): {
  socket: Socket;
  sent(): number;
  acked: Map<number, string>;
  stop(): void;
} {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  const acked = new Map<number, string>();
  let sent = 0;
  let text = '';
  socket.write('CONNECT {"verbose":false,"headers":true}\r\nSUB answers.* 1\r\n');
  socket.on('data', (chunk) => {
    text += chunk.toString();
    if (text.includes('PING\r\n')) socket.write('PONG\r\n');
    for (const [, n, answer] of text.matchAll(/MSG answers\.(\d+) 1 \d+\r\n(.*)\r\n/g))
      acked.set(Number(n), answer!);
    text = text.slice(Math.max(0, text.lastIndexOf('MSG '))); // the last one may not be whole yet
  });
  const timer = setInterval(() => {
    const [head, body] = [blockOf(sent), payload ?? `${sent}`];
    const size = Buffer.byteLength(head);
    socket.write('HPUB ');
    socket.write(subject);
    socket.write(` answers.${sent} ${size} ${size + body.length}\r\n${head}${body}\r\n`);
    sent += 1;
  }, 1);
  socket.on('close', () => clearInterval(timer));
  return { socket, acked, sent: () => sent, stop: () => clearInterval(timer) };
}

function keepWindowsOpen({ account, environment }: TestRun, sent: () => number): void {
  const updateStream: JetStreamWriter['updateStream'] = async (config) => {
    const isTake = config.subjects!.some((subject) => subject.startsWith('_aa-ops.barrier.'));
    const enough = sent() + IN_WINDOW;
    if (isTake) await vi.waitUntil(() => sent() >= enough, { timeout: 20_000, interval: 5 });
    return account.updateStream(config);
  };
  environment.account = Object.create(account, { updateStream: { value: updateStream } }) as JetStreamWriter;
}

it('whatever stands in the headers of what is copied, compared, held and let go: nothing is lost, and it is stored as it came', async () => {
  run = await startRun(seedTopology);
  publisher = startPublisher(run.server.url);
  const { acked, sent } = publisher;
  const more = (count: number): Promise<unknown> => {
    const goal = acked.size + count;
    return vi.waitUntil(() => acked.size >= goal, { timeout: 20_000 });
  };
  await more(300);
  keepWindowsOpen(run, sent);
  const forward = await migrate(run.environment, { to: 'multi', options: OPTIONS });
  expect(forward, JSON.stringify(forward.error)).toMatchObject({ exitCode: 0, json: { result: 'done' } });
  await more(300);
  const back = await rollBack(run.environment);
  expect(back, JSON.stringify(back.error)).toMatchObject({ exitCode: 0, json: { result: 'done' } });
  await more(300);
  publisher.stop();
  await vi.waitUntil(() => acked.size === sent(), { timeout: 20_000 });
  for (const { json } of [forward, back]) {
    expect(json.handovers.reduce((sum, { held }) => sum + held, 0)).toBeGreaterThan(0);
    for (const { proof } of json.handovers) expect(isClean(proof!)).toBe(true);
  }
  expect([...acked.values()].filter((answer) => answer.includes('"error"'))).toEqual([]);

  // All of them are where the last mode has them, once; those that were never copied byte for byte as they were sent.
  const stored = await storedIn(run);
  expect(stored.map(({ n }) => n).sort((a, b) => a - b)).toEqual(Array.from({ length: sent() }, (_, n) => n));
  expect(stored.filter(({ n, block, isCopy }) => !isCopy && block !== blockOf(n))).toEqual([]);
  expect(stored.filter(({ n, block, isCopy }) => isCopy && !block.includes(linesOf(blockOf(n))))).toEqual([]);
});

it('a subject that is no text is let go as it came', async () => {
  run = await startRun(seedTopology);
  publisher = startPublisher(run.server.url, Buffer.from('athlete-ally.\xff\xfe', 'latin1'));
  const { acked, sent } = publisher;
  await vi.waitUntil(() => acked.size > 100, { timeout: 20_000 });
  keepWindowsOpen(run, sent);
  const { json } = await migrate(run.environment, { to: 'multi', options: OPTIONS });
  publisher.stop();
  await vi.waitUntil(() => acked.size === sent(), { timeout: 20_000 });
  expect(json).toMatchObject({ result: 'done' });
  expect(json.handovers.reduce((sum, { republished }) => sum + republished, 0)).toBeGreaterThan(0);
  for (const { proof } of json.handovers) expect(isClean(proof!)).toBe(true);
  // As text it would be another one, beside this one.
  expect((await run.account.stream('AA_CORE_HOT'))!.state.num_subjects).toBe(1);
});

it('a work queue is read as it stands', async () => {
  run = await startRun(seedTopology);
  const { account, server } = run;
  await account.createStream({ name: 'Q', subjects: ['q'], retention: 'workqueue', allow_direct: true });
  publisher = startPublisher(server.url, 'q');
  await vi.waitUntil(() => publisher!.acked.size >= 50, { timeout: 20_000 });
  publisher.stop();
  await vi.waitUntil(() => publisher!.acked.size === publisher!.sent(), { timeout: 20_000 });
  const read: StreamMessage[] = [];
  for await (const batch of readRange(account, 'Q', { fromSeq: 1 })) read.push(...batch);
  expect(read.map(({ data }) => Number(Buffer.from(data).toString()))).toEqual(
    Array.from({ length: publisher.sent() }, (_, n) => n),
  );
  expect(read[0]!.headers.all).toEqual(new Map([['bad name', ['x']]]));
  expect(read[4]!.headers.all).toEqual(
    new Map([
      ['Twice', ['1', '2']],
      ['bad name', ['y']],
    ]),
  );
});

it('is what a durable gives next, though there is no payload either', async () => {
  run = await startRun(seedTopology);
  const { account, server } = run;
  const info = await account
    .createStream({ name: 'Q', subjects: ['q'] })
    .then(() => account.createConsumer('Q', { durable_name: 'd', ack_policy: 'explicit' }));
  publisher = startPublisher(server.url, 'q', '');
  await vi.waitUntil(() => publisher!.acked.size > 0, { timeout: 20_000 });
  expect(await takeNext(account, info, 5_000)).toMatchObject({ seq: 1, subject: 'q' });
  expect((await account.consumer('Q', 'd'))!.ack_floor.stream_seq).toBe(1);
  await account.deleteConsumer('Q', 'd');
  await expect(takeNext(account, info, 5_000)).rejects.toMatchObject({ code: 'next-unanswered' }); // not: there is nothing
});

/** The header lines of a block, without its beginning and its end. */
const linesOf = (block: string): string => block.slice('NATS/1.0\r\n'.length, -2);

async function storedIn({ account }: TestRun): Promise<{ n: number; block: string; isCopy: boolean }[]> {
  const { state } = (await account.stream('ATHLETE_ALLY_EVENTS'))!;
  const stored = [];
  for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
    const message = await account.message('ATHLETE_ALLY_EVENTS', { seq });
    if (message?.subject !== SUBJECT) continue;
    stored.push({
      n: Number(Buffer.from(message.data).toString()),
      block: Buffer.from(message.headers).toString(),
      isCopy: parseHeaders(message.headers).some(([name]) => name === 'Nats-Stream-Source'),
    });
  }
  return stored;
}
