import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Bus, makeTopology, startBus, until } from '../../int/runtime/bus.ts';
import { createLedger } from './ledger.ts';
import { isReady, type Process, start, startNormalize } from './processes.ts';

describe('a JetStream whose disk is full', () => {
  let bus: Bus;
  let pods: Process[] = [];

  beforeAll(async () => {
    bus = await startBus('jetstream { max_file_store: 8MB }');
    await makeTopology(bus, 'single', { ackWaitMs: 2_000, maxDeliver: 20 });
  });
  afterAll(async () => {
    for (const pod of pods) pod.signal('SIGKILL');
    await bus.stop();
  });

  it('loses nothing: clients are told to come again, dead letters wait, and all is accounted for once there is room', async () => {
    const ledger = createLedger(bus);
    await ledger.send(300);
    await bus.jsm.streams.add({ name: 'FILLER', subjects: ['filler'] });
    const filler = new Uint8Array(64 * 1_024);
    const fill = (size: number): Promise<boolean> =>
      bus.nc
        .jetstream()
        .publish('filler', filler.subarray(0, size))
        .then(
          () => false,
          () => true,
        );
    await until('it is full', () => fill(64 * 1_024));
    await until('not even a byte fits', () => fill(1));

    const normalize = await startNormalize(bus);
    const ingest = await start('aa-ingest', { NATS_URL: bus.nats.url, INGEST_PUBLISH_TIMEOUT_MS: '500' });
    pods = [normalize, ingest];
    await until('ingest is ready', () => isReady(ingest));
    const body = JSON.stringify({ userId: 'good-300', date: '2025-10-02', rmssd: 1 });
    const refused = await fetch(`${ingest.url}/ingest/hrv`, { method: 'POST', body });
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
    await until('dead letters cannot be stored', () => normalize.output().includes('could not be stored'));
    const { rows } = await bus.db.query(`SELECT count(*)::int AS n FROM hrv_data`);
    expect(rows).toEqual([{ n: 270 }]); // what needs no room in JetStream went on

    await bus.jsm.streams.delete('FILLER');
    await ledger.settle();
  });
});
