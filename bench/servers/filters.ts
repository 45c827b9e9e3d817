/*
 * What publishers meet while a stream's filters change, with nobody but them and STREAM.UPDATE at work: `a.>` becomes `a.1`, `a.2` and back, again
 * and again, in one update (the server adds the new ones first) or in two (away with the old ones, then the new ones: nobody hears it meanwhile).
 * Publishes have no id. Run: npx tsx bench/servers/filters.ts [SECONDS [VERSION ...]]
 */
import { openWriter, readRange } from '../../topology/src/index.ts';
import { fetchNatsServer, startNats } from '../../cli/src/servers/index.ts';

const [seconds = '20', ...versions] = process.argv.slice(2);
const OTHER = 'other';
const WIDE = ['a.>', OTHER];
const NARROW = ['a.1', 'a.2', OTHER];
const PUBLISHERS = 4;
const IN_FLIGHT = 16;
const decoder = new TextDecoder();

interface Outcome {
  version: string;
  way: string;
  changes: number;
  publishes: number;
  refused: number;
  /** Acked by the stream and stored in it once more. */
  storedTwice: number;
}

async function change(way: 'one update' | 'two updates', version: string | undefined): Promise<Outcome> {
  const server = await startNats(version ? { binary: (await fetchNatsServer(version)).path } : {});
  const account = await openWriter({ servers: [server.url] });
  try {
    await account.createStream({ name: 'S', subjects: WIDE, storage: 'memory' });
    const { config } = (await account.stream('S'))!;
    const publishers = await Promise.all(
      Array.from({ length: PUBLISHERS }, () => openWriter({ servers: [server.url] })),
    );
    let going = true;
    let [publishes, refused, changes] = [0, 0, 0];
    const work = publishers.flatMap(({ connection }, one) =>
      Array.from({ length: IN_FLIGHT }, async (_, lane) => {
        for (let n = 0; going; n++) {
          publishes++;
          const subject = n % 2 === 0 ? 'a.1' : 'a.2';
          await connection.request(subject, `${one} ${lane} ${n}`, { timeout: 5_000 }).catch(() => refused++);
        }
      }),
    );
    const deadline = performance.now() + Number(seconds) * 1_000;
    for (; performance.now() < deadline; changes++) {
      if (way === 'two updates') await account.updateStream({ ...config, subjects: [OTHER] });
      await account.updateStream({ ...config, subjects: changes % 2 === 0 ? NARROW : WIDE });
    }
    going = false;
    await Promise.all(work);
    const bodies = new Set<string>();
    let stored = 0;
    for await (const batch of readRange(account, 'S', { fromSeq: 1 })) {
      stored += batch.length;
      for (const { data } of batch) bodies.add(decoder.decode(data));
    }
    await Promise.all(publishers.map((one) => one.close()));
    const storedTwice = stored - bodies.size;
    return { version: account.server.version, way, changes, publishes, refused, storedTwice };
  } finally {
    await account.close();
    await server.stop();
  }
}

for (const version of versions.length > 0 ? versions : [undefined])
  for (const way of ['one update', 'two updates'] as const)
    console.log(JSON.stringify(await change(way, version)));
process.exit();
