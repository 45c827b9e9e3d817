// npx tsx bench/normalize/memory.ts [minutes]: one aa-normalize at full speed, its backlog never dry, and what it keeps in memory.
// Prints a line every half minute and writes bench/out/memory.json. Ends with 1 if the last third holds a tenth more than the
// one before it. Needs the built runtime: node scripts/build.mjs runtime
import { mkdir, writeFile } from 'node:fs/promises';
import { startPod } from './pod.ts';
import { DURABLE, event, fill, startSetting, STREAM, SUBJECT } from './setting.ts';

const minutes = Number(process.argv[2] ?? 10);
const SAMPLE_MS = 5_000;
/** Kept in the stream ahead of the pod; what is behind it is dropped by the stream's own limit. */
const BACKLOG = 100_000;
/** Different rows; from then on they are updated, so that the table stays as large as it is. */
const ROWS = 1_000_000;

interface Sample {
  /** Since the pod was ready, s. */
  at: number;
  /** Messages acked so far. */
  acked: number;
  residentMiB: number;
  heapUsedMiB: number;
  /** Outside V8's heap: sockets' buffers. */
  externalMiB: number;
}

const setting = await startSetting();
try {
  await fill(setting, 0);
  await setting.jsm.streams.update(STREAM, { max_msgs: 1_000_000 });
  const pod = await startPod(setting);
  await pod.ready;
  const samples: Sample[] = [];
  const started = performance.now();
  const elapsed = (): number => performance.now() - started;
  let sent = 0;
  let nextSample = SAMPLE_MS;
  while (elapsed() < minutes * 60_000) {
    const acked = (await setting.jsm.consumers.info(STREAM, DURABLE)).ack_floor.stream_seq;
    for (let i = 0; i < 10_000 && sent - acked < BACKLOG; i++)
      setting.nc.publish(SUBJECT, JSON.stringify(event(sent++ % ROWS)));
    await setting.nc.flush();
    if (sent - acked >= BACKLOG) await new Promise((resolve) => setTimeout(resolve, 50));
    if (elapsed() < nextSample) continue;
    nextSample += SAMPLE_MS;
    samples.push({ at: Math.round(elapsed() / 1_000), acked, ...(await memoryOf(pod.port)) });
    if (samples.length % 6 === 0) console.error(lineOf(samples));
  }
  const third = Math.floor(samples.length / 3);
  const result = {
    minutes,
    messages: samples.at(-1)!.acked,
    perSecond: Math.round(samples.at(-1)!.acked / samples.at(-1)!.at),
    peakResidentMiB: pod.peakRssMiB(),
    thirds: [0, 1, 2].map((i) => mean(samples.slice(i * third, (i + 1) * third))),
  };
  await pod.stop();
  await mkdir('bench/out', { recursive: true });
  await writeFile('bench/out/memory.json', `${JSON.stringify({ ...result, samples }, null, 2)}\n`);
  console.log(JSON.stringify(result, null, 2));
  if (result.thirds[2]!.residentMiB > 1.1 * result.thirds[1]!.residentMiB) process.exitCode = 1;
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  await setting.stop();
}
process.exit();

/** As the pod's own metrics tell it. */
async function memoryOf(port: number): Promise<Pick<Sample, 'residentMiB' | 'heapUsedMiB' | 'externalMiB'>> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const mebibytes = (name: string): number =>
    Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)![1]) / 1024 ** 2;
  return {
    residentMiB: mebibytes('process_resident_memory_bytes'),
    heapUsedMiB: mebibytes('nodejs_heap_size_used_bytes'),
    externalMiB: mebibytes('nodejs_external_memory_bytes'),
  };
}

function mean(samples: readonly Sample[]): Pick<Sample, 'residentMiB' | 'heapUsedMiB' | 'externalMiB'> {
  const of = (field: 'residentMiB' | 'heapUsedMiB' | 'externalMiB'): number =>
    Math.round((10 * samples.reduce((sum, one) => sum + one[field], 0)) / samples.length) / 10;
  return { residentMiB: of('residentMiB'), heapUsedMiB: of('heapUsedMiB'), externalMiB: of('externalMiB') };
}

function lineOf(samples: readonly Sample[]): string {
  const { at, acked, residentMiB, heapUsedMiB, externalMiB } = samples.at(-1)!;
  return `${at} s: ${acked} messages, ${residentMiB.toFixed(0)} MiB resident, heap ${heapUsedMiB.toFixed(0)}, external ${externalMiB.toFixed(0)}`;
}
