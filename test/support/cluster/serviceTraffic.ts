import { request } from 'node:http';
import { messageOf, type PublishOutcome } from '@aa-ops/topology';
import type { DemoPlatform } from '../../../cli/src/demo/demoPlatform.ts';
import type { DemoTraffic } from '../../../cli/src/demo/demoTraffic.ts';
import { hrvEventOf, identifyHrvEvent, readHrvValues } from '../../../cli/src/demo/hrvEvents.ts';
import { judgeDemo } from '../../../cli/src/demo/judgeDemo.ts';
import { directPublishers, FRONT_DOOR, HRV_SUBJECT } from '../../../cli/src/demo/publishers.ts';
import type { DemoReport } from '../../../cli/src/demo/report.ts';
import { openRowReader } from '../../../cli/src/demo/rows.ts';
import { identifyByHeader, openSenders, type Sender, startSenders } from '../../../cli/src/traffic/index.ts';
import type { Staging } from './staging.ts';
import { INGEST_TOKEN } from './stagingObjects.ts';

/** The demo's publishers against a cluster: one through the producer's Service, the others direct to NATS. */
export interface ServiceTraffic {
  sent(): number;
  /** Stops them, waits until everything is worked, and judges every message and row. */
  finish(): Promise<DemoReport>;
}

export async function startServiceTraffic(
  { cluster, topology, account, frontDoor }: Staging,
  ratePerSecond: number,
): Promise<ServiceTraffic> {
  const begun = performance.now();
  const settings = { servers: [cluster.natsUrl] };
  const values = readHrvValues();
  const reader = await openRowReader(cluster.databaseUrl);
  const senders = await openSenders(settings, directPublishers(ratePerSecond, values));
  const traffic = startSenders([openServiceSender(frontDoor, ratePerSecond * 0.2, values), ...senders]);
  const byHeader = identifyByHeader(traffic.ledger.run);
  const parts: DemoTraffic = {
    traffic,
    reader,
    values,
    identify: (message) => byHeader(message) ?? identifyHrvEvent(message.data),
    unwatch: async () => {},
  };
  return {
    sent: () => traffic.counts().sent,
    async finish() {
      await traffic.stop();
      const known = { ratePerSecond, begun, runs: [], verified: [] };
      const platform = { topology, account, settings } as unknown as DemoPlatform; // judging asks for no more
      try {
        return await judgeDemo(platform, parts, known, new AbortController().signal);
      } finally {
        await reader.close();
      }
    },
  };
}

/** One connection a request, as many clients have it: each finds the endpoints of its moment. It never tries again. */
function openServiceSender(frontDoor: string, rate: number, values: readonly number[]): Sender {
  return {
    name: FRONT_DOOR,
    kind: 'waiting',
    subjects: [HRV_SUBJECT],
    inFlight: 1,
    ratePerSecond: rate,
    async send({ n }): Promise<PublishOutcome> {
      try {
        const { status, text } = await post(
          new URL('/ingest/hrv', frontDoor),
          JSON.stringify(hrvEventOf(FRONT_DOOR, n, values)),
        );
        if (status === 200) return { status: 'stored', stream: FRONT_DOOR, seq: 0, duplicate: false };
        return { status: status < 500 ? 'refused' : 'unanswered', code: `http-${status}`, message: text };
      } catch (error) {
        return { status: 'unanswered', code: 'http', message: messageOf(error) };
      }
    },
    close: async () => {},
  };
}

function post(url: URL, body: string): Promise<{ status: number; text: string }> {
  return new Promise((answered, failed) => {
    const headers = {
      'content-type': 'application/json',
      connection: 'close',
      authorization: `Bearer ${INGEST_TOKEN}`,
    };
    const sent = request(url, { method: 'POST', agent: false, headers, timeout: 10_000 });
    sent.once('error', failed).once('timeout', () => sent.destroy(new Error('no answer within 10 s')));
    sent.once('response', (answer) => {
      let text = '';
      answer.on('data', (chunk: Buffer) => (text += chunk.toString()));
      answer.on('end', () => answered({ status: answer.statusCode!, text })).on('error', failed);
    });
    sent.end(body);
  });
}
