/**
 * What a bulk reading costs, in µs a message (a pair, for `prove`): `npx tsx bench/compare/reading.ts [MESSAGES [TURNS]]`. Messages of 149 bytes, each with an
 * id, in a stream and in its copy; the lines in turns, medians printed as one JSON document.
 *   headers, whole  `readRange` with headers only, and with payloads
 *   backlog         `readBacklog`: looking for ids that come again, and what the originals are
 *   prove           `provePart`, payloads too, of what was not read before
 *   match           the same, of what the backlog's reading has taken down
 */
import { setTimeout as delay } from 'node:timers/promises';
import {
  type Copy,
  newHeaders,
  openWriter,
  type Originals,
  provePart,
  readBacklog,
  readRange,
} from '@aa-ops/topology';
import { startNats } from '../../cli/src/servers/index.ts';
import { median } from '../median.ts';

const messages = Number(process.argv[2] ?? 200_000);
const turns = Number(process.argv[3] ?? 3);
const IN_FLIGHT = 2_000;

const server = await startNats();
const account = await openWriter({ servers: [server.url] });
const filters = ['a.>'];
await account.createStream({ name: 'ORIGIN', subjects: filters, storage: 'file' });
const payload = new Uint8Array(149).fill(0x61);
const subjects = ['a.b.c', 'a.d', 'a.e.f.g'];
for (let sent = 0; sent < messages; sent += IN_FLIGHT)
  await Promise.all(
    Array.from({ length: Math.min(IN_FLIGHT, messages - sent) }, (_, i) => {
      const headers = newHeaders();
      headers.set('Nats-Msg-Id', `bench-${process.pid}-${sent + i}`);
      return account.connection.request(subjects[i % 3]!, payload, { headers, timeout: 30_000 });
    }),
  );
const copy: Copy = { origin: 'ORIGIN', target: 'TARGET', filters, epoch: '', startSeq: 1, targetFromSeq: 1 };
await account.createStream({ name: 'TARGET', storage: 'file', sources: [{ name: 'ORIGIN' }] });
while ((await account.stream('TARGET'))!.state.messages < messages) await delay(20);

async function read(stream: string, headersOnly: boolean): Promise<void> {
  let count = 0;
  for await (const batch of readRange(account, stream, { fromSeq: 1, headersOnly })) count += batch.length;
  if (count !== messages) throw new Error(`${stream}: ${count} of ${messages}`);
}
const through = { originSeq: messages, targetSeq: messages };
const { originals } = await readBacklog(account, [copy]);
const prove = (known?: Originals) => provePart(account, copy, through, { payloads: true, originals: known });
const lines: Record<string, () => Promise<unknown>> = {
  headers: () => read('ORIGIN', true),
  whole: () => read('TARGET', false),
  backlog: () => readBacklog(account, [copy]),
  prove: () => prove(),
  match: () => prove(originals.get(copy)),
};
const micros = Object.fromEntries(Object.keys(lines).map((line) => [line, [] as number[]]));
for (let turn = 0; turn < turns; turn++) {
  for (const [line, run] of Object.entries(lines)) {
    const begun = performance.now();
    await run();
    micros[line]!.push(((performance.now() - begun) * 1_000) / messages);
  }
}
const result = Object.fromEntries(
  Object.entries(micros).map(([line, all]) => [line, median(all).toFixed(1)]),
);
console.log(JSON.stringify({ messages, micros: result }, null, 2));
await account.close();
await server.stop();
