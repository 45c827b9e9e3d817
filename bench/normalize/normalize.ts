// npx tsx bench/normalize/normalize.ts [rounds]: all contenders in turns against one nats-server and one PostgreSQL.
// Prints a table and writes bench/out/normalize.json. Needs the built runtime: node scripts/build.mjs runtime
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import {
  bareUpsert,
  type Contender,
  last,
  oldLoop,
  ours,
  parallelUpserts,
  unnestUpsert,
} from './contenders.ts';
import { measureLatency } from './latency.ts';
import { startSetting } from './setting.ts';
import { measureStartup } from './startup.ts';
import { median } from '../median.ts';

const rounds = Number(process.argv[2] ?? 5);
const contenders: [name: string, run: Contender, count: number][] = [
  ['the old loop, repaired', oldLoop, 2_000],
  ['per-message upserts, 32 at a time', parallelUpserts, 10_000],
  ['bare upsert, arrays by pg', unnestUpsert, 500_000],
  ['bare upsert, our statement', bareUpsert, 500_000],
  ['aa-normalize', ours(), 500_000],
  ['aa-normalize, telemetry off', ours({ TELEMETRY_ENABLED: 'false' }), 500_000],
  ['two aa-normalize', ours({}, 2), 500_000],
];

const setting = await startSetting();
const rates = new Map<string, number[]>(contenders.map(([name]) => [name, []]));
const rss: number[] = [];
const cpu = { on: [] as number[], off: [] as number[] };
try {
  for (let round = 0; round < rounds; round++) {
    for (const [name, run, count] of contenders) {
      const rate = await run(setting, count);
      rates.get(name)!.push(rate);
      if (name === 'aa-normalize') {
        rss.push(last.peakRssMiB);
        cpu.on.push(last.cpuMicros);
      } else if (name === 'aa-normalize, telemetry off') cpu.off.push(last.cpuMicros);
      console.error(`round ${round + 1}: ${name}: ${Math.round(rate)}/s`);
    }
  }
  const latency = await measureLatency(setting, 500, 20);
  const startup = await measureStartup(setting, 15);

  const oldRate = median(rates.get('the old loop, repaired')!);
  const bare = median(rates.get('bare upsert, arrays by pg')!);
  /** Ratios of the same round, then their median: what drifts, drifts for both. */
  const against = (name: string, base: string): number =>
    median(rates.get(name)!.map((rate, i) => rate / rates.get(base)![i]!));
  const table = contenders.map(([name]) => ({
    name,
    perSecond: Math.round(median(rates.get(name)!)),
    xOldLoop: Number(against(name, 'the old loop, repaired').toFixed(1)),
    xBare: Number(against(name, 'bare upsert, arrays by pg').toFixed(2)),
    xOurStatement: Number(against(name, 'bare upsert, our statement').toFixed(2)),
  }));
  /** Share of throughput that traces at 1 % take; the metrics are on in both. */
  const telemetryCost = 1 - against('aa-normalize', 'aa-normalize, telemetry off');
  const result = {
    rounds,
    node: process.version,
    cpus: cpus().length,
    natsServer: setting.nats.version,
    table,
    rates: Object.fromEntries(rates),
    oldLoop: oldRate,
    bare,
    peakRssMiB: Math.max(...rss),
    cpuMicrosPerMessage: { telemetryOn: median(cpu.on), telemetryOff: median(cpu.off) },
    telemetryCost,
    latencyAt500: latency,
    startupMs: startup,
  };
  await mkdir('bench/out', { recursive: true });
  await writeFile('bench/out/normalize.json', `${JSON.stringify(result, null, 2)}\n`);
  console.log('| contender | messages/s | x old loop | x bare | x our statement |\n|---|---|---|---|---|');
  for (const row of table)
    console.log(`| ${row.name} | ${row.perSecond} | ${row.xOldLoop} | ${row.xBare} | ${row.xOurStatement} |`);
  console.log(
    `\nresident at most ${result.peakRssMiB.toFixed(0)} MiB; CPU ${median(cpu.on).toFixed(1)} µs a message with telemetry, ${median(cpu.off).toFixed(1)} without: ${(100 * telemetryCost).toFixed(0)} % of throughput`,
  );
  console.log(
    `event to ack at 500/s: p50 ${latency.p50.toFixed(1)} ms, p99 ${latency.p99.toFixed(1)} ms, max ${latency.max.toFixed(1)} ms`,
  );
  console.log(
    `start: ${startup.listens.toFixed(0)} ms until it listens, ${(startup.listens / startup.node).toFixed(1)} x node -e 0 (${startup.node.toFixed(0)} ms); ${startup.bound.toFixed(0)} ms until it is bound, ${(startup.bound / startup.node).toFixed(1)} x`,
  );
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  await setting.stop();
}
process.exit();
