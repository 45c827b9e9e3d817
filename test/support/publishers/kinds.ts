import { Buffer } from 'node:buffer';
import {
  type ConnectSettings,
  type HeaderList,
  newHeaders,
  openConnection,
  publishMessage,
  type PublishOutcome,
} from '@aa-ops/topology';
import { identityHeader, TRAFFIC_HEADER } from '../../../cli/src/traffic/identity.ts';
import type { Identify, Sender } from '../../../cli/src/traffic/index.ts';
import type { Order, PythonClient } from './pythonClient.ts';

/** One kind of publisher: what it puts into its n-th message, and how it sends it. */
export interface Kind {
  name: string;
  /** Default `request`: a request, whose answer is the PubAck. `js`: the client's own JetStream publish. `core`: no answer. */
  how?: Order['how'];
  kind?: 'waiting' | 'pipelined';
  ratePerSecond: number;
  headers?(n: number): [name: string, value: string][];
  payload?(n: number): Uint8Array;
  /** It says who it is in its payload, and has no header at all. */
  plain?: boolean;
  /** Sees each outcome before the next publish: for one that goes by what it was told. */
  told?(outcome: PublishOutcome): void;
}

const TIMEOUT_MS = 20_000;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

const payloadOf = (spec: Kind, run: string, n: number): Uint8Array =>
  spec.plain
    ? encoder.encode(JSON.stringify({ run, publisher: spec.name, n }))
    : (spec.payload?.(n) ?? encoder.encode(`${n}`));

const headersOf = (spec: Kind, run: string, n: number): HeaderList =>
  spec.plain
    ? []
    : [
        [TRAFFIC_HEADER, identityHeader(run, { publisher: spec.name, n }, Date.now())],
        ...(spec.headers?.(n) ?? []),
      ];

/** By header, or by the payload of the one that has none. */
export const identifyAny =
  (run: string): Identify =>
  ({ headers, data }) => {
    const header = headers.first(TRAFFIC_HEADER);
    if (header !== undefined) {
      const [theirs, publisher, n] = header.split(' ');
      return theirs === run ? { publisher: publisher!, n: Number(n) } : undefined;
    }
    if (data[0] !== 0x7b) return undefined;
    const told = JSON.parse(decoder.decode(data)) as { run?: string; publisher: string; n: number };
    return told.run === run ? told : undefined;
  };

const senderOf = (
  spec: Kind,
  subject: string,
  send: (n: number, run: string) => Promise<PublishOutcome>,
  close: () => Promise<void>,
): Sender => ({
  name: spec.name,
  kind: spec.kind ?? 'waiting',
  subjects: [subject],
  inFlight: 8,
  ratePerSecond: spec.ratePerSecond,
  async send({ n, run }) {
    const outcome = await send(n, run);
    spec.told?.(outcome);
    return outcome;
  },
  close,
});

/** With the npm client. */
export async function openKind(settings: ConnectSettings, subject: string, spec: Kind): Promise<Sender> {
  const connection = await openConnection({ ...settings, name: spec.name });
  const jetStream = connection.jetstream({ timeout: TIMEOUT_MS });
  const send = async (n: number, run: string): Promise<PublishOutcome> => {
    const payload = payloadOf(spec, run, n);
    const headers = headersOf(spec, run, n);
    if (spec.how === undefined || spec.how === 'request')
      return publishMessage(connection, subject, payload, { headers, timeoutMs: TIMEOUT_MS });
    const block = newHeaders();
    for (const [name, value] of headers) block.append(name, value);
    const options = headers.length > 0 ? { headers: block } : {};
    if (spec.how === 'core') {
      connection.publish(subject, payload, options);
      return { status: 'unanswered', code: 'core', message: 'asked for no ack' };
    }
    const { stream, seq, duplicate } = await jetStream.publish(subject, payload, options);
    return { status: 'stored', stream, seq, duplicate };
  };
  return senderOf(spec, subject, send, async () => {
    await connection.flush();
    await connection.close();
  });
}

/** With the Python client. */
export function openPythonKind(client: PythonClient, subject: string, spec: Kind): Sender {
  const send = (n: number, run: string): Promise<PublishOutcome> =>
    client.publish({
      how: spec.how ?? 'request',
      subject,
      headers: Object.fromEntries(headersOf(spec, run, n)),
      data: Buffer.from(payloadOf(spec, run, n)),
      timeoutMs: TIMEOUT_MS,
    });
  return senderOf(spec, subject, send, async () => {});
}
