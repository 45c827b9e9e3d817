import { readFile } from 'node:fs/promises';
import { connect } from 'nats';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readIngestConfig } from '../../../consumers-runtime/src/ingest/config.ts';
import { startIngest } from '../../../consumers-runtime/src/ingest/service.ts';
import {
  addDurable,
  type Bus,
  deadLetters,
  DURABLE,
  event,
  makeTopology,
  publish,
  rows,
  startBus,
  until,
} from './bus.ts';
import { MIGRATIONS } from './migrated.ts';
import { type Pod, startPod } from './pod.ts';

// docs/runtime.md, "Rights in NATS": with what stands there and nothing else, both services do all that they are there for.
const STREAMS = ['AA_CORE_HOT', 'ATHLETE_ALLY_EVENTS'];
let bus: Bus;
let pod: Pod;
const ends: (() => Promise<void>)[] = [];

/** What the table lets a service `publish` or `subscribe`. */
function rightsOf(docs: string, service: string, may: 'publish' | 'subscribe'): string[] {
  const rows = docs.split('\n').map((line) => line.split('|').map((cell) => cell.trim()));
  const written = rows
    .filter(([, who, what]) => (who === service || who === 'both') && what === may)
    .flatMap(([, , , subjects]) => [...subjects!.matchAll(/`([^`]+)`/g)].map((match) => match[1]!));
  const meant = written.flatMap((it) =>
    STREAMS.map((stream) =>
      // `$JS.API.STREAM` is JetStream's own word.
      it
        .replace(/(?<!API\.)\bSTREAM\b/, stream)
        .replace('DURABLE', DURABLE)
        .replace(/\bDLQ\b/, 'AA_DLQ'),
    ),
  );
  return [...new Set(meant)];
}

const urlOf = (service: string): string => bus.nats.url.replace('//', `//${service}:secret@`);

beforeAll(async () => {
  const docs = await readFile('docs/runtime.md', 'utf8');
  const list = (subjects: string[]): string => JSON.stringify(subjects);
  const users = ['normalize', 'ingest'].map((service) => {
    const [publish, subscribe] = [rightsOf(docs, service, 'publish'), rightsOf(docs, service, 'subscribe')];
    return `{ user: ${service}, password: secret, permissions: { publish: ${list(publish)}, subscribe: ${list(subscribe)} } }`;
  });
  bus = await startBus(
    `authorization { users: [ { user: admin, password: secret }, ${users.join(', ')} ] }\nno_auth_user: admin`,
  );
  await makeTopology(bus, 'single', { ackWaitMs: 300, maxDeliver: 1 });
});
afterAll(async () => {
  for (const end of ends.reverse()) await end();
  await bus?.stop();
});

it('normalize sweeps what died, stores rows and writes dead letters', async () => {
  await publish(bus, event({ userId: 'died' }));
  const consumer = await bus.nc.jetstream().consumers.get(STREAMS[1]!, DURABLE);
  await consumer.next({ expires: 2_000 });
  await until('the server told it', async () => {
    await consumer.next({ expires: 1_000 });
    return (await bus.jsm.streams.info('AA_DLQ')).state.messages === 1;
  });
  pod = await startPod(bus, {
    NATS_URL: urlOf('normalize'),
    EVENT_STREAM_MODE: 'multi', // so that it is on a fall-back
    NORMALIZE_SWEEP_INTERVAL_MS: '50',
  });
  ends.push(() => pod.stop());
  await publish(bus, event({ userId: 'lives' }));
  await publish(bus, 'no event');
  await until('the row is there', async () => (await rows(bus)).length === 1);
  await until('both letters are there', async () => (await deadLetters(bus)).length === 2);
  expect((await deadLetters(bus)).map((it) => it.header('AA-Dlq-Reason')).sort()).toEqual([
    'max_deliver',
    'schema_invalid',
  ]);
});

it('normalize leaves a fall-back for the better stream', async () => {
  await bus.jsm.streams.add({ name: STREAMS[0]!, sources: [{ name: STREAMS[1]! }] });
  await addDurable(bus, STREAMS[0]!);
  await until('it is bound there', async () => (await pod.health()).body.work['stream'] === STREAMS[0]);
});

it('ingest publishes', async () => {
  const lines: string[] = [];
  const write = (line: string): void => void lines.push(line);
  const stopping = new AbortController();
  const config = readIngestConfig({ NATS_URL: urlOf('ingest'), PORT: '0', TELEMETRY_ENABLED: 'false' });
  const service = await startIngest(
    config,
    MIGRATIONS,
    { info: write, warn: write, error: write },
    stopping.signal,
  );
  ends.push(() => (stopping.abort(), service.stop()));
  const url = `http://127.0.0.1:${/port (\d+)/.exec(lines.join())![1]}`;
  await until('ingest is ready', async () => (await fetch(`${url}/readyz`)).ok);
  const body = JSON.stringify(event({ userId: 'posted' }));
  const reply = await fetch(`${url}/ingest/hrv`, { method: 'POST', body });
  expect(reply.status).toBe(200);
  await until('its row is there', async () => (await rows(bus)).some((it) => it.user_id === 'posted'));
});

it('neither may change a stream', async () => {
  for (const service of ['normalize', 'ingest']) {
    const nc = await connect({ servers: bus.nats.url, user: service, pass: 'secret' });
    const jsm = await nc.jetstreamManager({ checkAPI: false, timeout: 1_000 });
    await expect(jsm.streams.add({ name: 'OTHER', subjects: ['other'] })).rejects.toThrow(
      /permission|timeout/i,
    );
    await expect(jsm.streams.purge(STREAMS[1]!)).rejects.toThrow(/permission|timeout/i);
    await nc.close();
  }
});
