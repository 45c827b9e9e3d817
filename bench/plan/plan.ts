/*
 * `plan` of 1,000 streams with 10 consumers each against the raw walk: the same reads, nothing made of the answers.
 * Both in one process, interleaved, so that the machine's drift hits both. Run: npx tsx bench/plan/plan.ts
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import {
  applyPlan,
  desiredIn,
  inFlight,
  type JetStreamReader,
  makePlan,
  openReader,
  openWriter,
  pending,
  silentHost,
  type Topology,
} from '../../topology/src/index.ts';
import { startNats } from '../../cli/src/servers/index.ts';
import { median } from '../median.ts';

const STREAMS = 1_000;
const CONSUMERS = 10;
const ROUNDS = 25;
const WARM_UP = 3;

function largeTopology(): Topology {
  const names = Array.from({ length: STREAMS }, (_, n) => `S${n}`);
  const durables = names.flatMap((stream) =>
    Array.from({ length: CONSUMERS }, (_, n) => [stream, `${stream}-d${n}`]),
  );
  return {
    name: 'bench',
    environment: {
      name: 'bench',
      servers: [],
      platform: 'none',
      replicas: 1,
      initialMode: 'only',
      protected: false,
    },
    streams: Object.fromEntries(names.map((name) => [name, { storage: 'memory', max_age: 3600e9 }])),
    consumers: Object.fromEntries(
      durables.map(([stream, name], n) => [
        name,
        { ack_policy: 'explicit', filter_subjects: [`${stream}.${n % CONSUMERS}.>`], mem_storage: true },
      ]),
    ),
    modes: {
      only: {
        name: 'only',
        subjects: Object.fromEntries(names.map((name) => [name, [`${name}.>`]])),
        consumers: Object.fromEntries(
          durables.map(([stream, name]) => [name, { stream: stream!, fields: {} }]),
        ),
      },
    },
    workloads: [],
    thresholds: { deadLettersPerMinute: 0, databaseSilenceMs: 0, fallbackMs: 0, mixedStreamsMs: 0 },
    source: 'bench',
  };
}

async function rawWalk(reader: JetStreamReader): Promise<number> {
  const streams = await reader.listStreams();
  const lists = await inFlight(32, streams, ({ config }) => reader.listConsumers(config.name));
  return lists.reduce((sum, list) => sum + list.length, 0);
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

const server = await startNats();
try {
  const topology = largeTopology();
  const writer = await openWriter({ servers: [server.url] });
  const { streams, consumers } = desiredIn(topology, 'only');
  const filling = await timed(async () => {
    await applyPlan(
      writer,
      await makePlan(writer, { ...topology, modes: { only: { ...topology.modes['only']!, consumers: {} } } }),
      {
        allowDestructive: false,
        host: silentHost,
      },
    );
    await inFlight(32, consumers, ({ stream, name, fields }) =>
      writer.createConsumer(stream, { ...fields, durable_name: name }),
    );
  });
  await writer.close();
  const reader = await openReader({ servers: [server.url] });
  const open = pending(await makePlan(reader, topology)).length;
  if (open > 0) throw new Error(`the account should be as planned, but ${open} changes are pending`);
  const walks: number[] = [];
  const plans: number[] = [];
  for (let round = -WARM_UP; round < ROUNDS; round += 1) {
    // Turn about, so that neither always pays for the other's garbage.
    const walkFirst = round % 2 === 0;
    const early = walkFirst ? await timed(() => rawWalk(reader)) : undefined;
    const plan = await timed(() => makePlan(reader, topology));
    const walk = early ?? (await timed(() => rawWalk(reader)));
    if (round < 0) continue;
    walks.push(walk);
    plans.push(plan);
  }
  await reader.close();
  const result = {
    server: server.version,
    node: process.version,
    streams: streams.length,
    consumers: consumers.length,
    rounds: ROUNDS,
    walkMs: median(walks),
    planMs: median(plans),
    ratio: median(plans) / median(walks),
    medianOfRatios: median(plans.map((plan, round) => plan / walks[round]!)),
    fillMs: filling,
  };
  mkdirSync('bench/out', { recursive: true });
  writeFileSync('bench/out/plan.json', `${JSON.stringify(result, null, 2)}\n`);
  console.log(
    `${result.streams} streams, ${result.consumers} consumers, nats-server ${result.server}, median of ${ROUNDS}`,
  );
  console.log(
    `raw walk ${result.walkMs.toFixed(0)} ms   plan ${result.planMs.toFixed(0)} ms   ratio ${result.ratio.toFixed(2)}`,
  );
} finally {
  await server.stop();
}
