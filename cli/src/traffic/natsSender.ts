import { setTimeout as pause } from 'node:timers/promises';
import {
  type ConnectSettings,
  type HeaderList,
  openConnection,
  publishMessage,
  type PublishOutcome,
} from '@aa-ops/topology';
import type { PublisherKind } from './book.ts';
import { identityHeader, TRAFFIC_HEADER } from './identity.ts';
import type { Sender } from './sender.ts';

/** A publisher as a test or a demo wants it. */
export interface PublisherSpec {
  /** Its own, without spaces. */
  name: string;
  /** Taken in turn, message by message. */
  subjects: string[];
  /** `waiting` waits for every ack; `pipelined` has up to `inFlight` publishes outstanding. */
  kind: PublisherKind;
  /** Default 16. */
  inFlight?: number;
  /** Whether its messages carry a `Nats-Msg-Id`. */
  msgId: boolean;
  /** Absent: as fast as acks allow. */
  ratePerSecond?: number;
  /** Messages after which it stops by itself; absent: none. */
  limit?: number;
  payload?(n: number, subject: string): Uint8Array;
  /**
   * Tries again what was refused for want of a listener, and, with `msgId`, what was not answered. Default false: a
   * refusal is counted.
   */
  retry?: boolean;
  /** ms that one publish waits for its ack; default 10 s. */
  timeoutMs?: number;
}

const DEFAULT_IN_FLIGHT = 16;
const DEFAULT_TIMEOUT_MS = 10_000;
const RETRY_WAIT_MS = 50;
const encoder = new TextEncoder();

/** A publisher with a connection of its own. Throws what keeps it from connecting. */
export async function openNatsSender(settings: ConnectSettings, spec: PublisherSpec): Promise<Sender> {
  const connection = await openConnection({ ...settings, name: `traffic ${spec.name}` });
  const timeoutMs = spec.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const payload = spec.payload ?? ((n) => encoder.encode(`{"publisher":"${spec.name}","n":${n}}`));
  return {
    name: spec.name,
    kind: spec.kind,
    subjects: spec.subjects,
    inFlight: spec.inFlight ?? DEFAULT_IN_FLIGHT,
    ...(spec.ratePerSecond === undefined ? {} : { ratePerSecond: spec.ratePerSecond }),
    ...(spec.limit === undefined ? {} : { limit: spec.limit }),
    async send({ n, subject, run }) {
      const headers: HeaderList = [
        [TRAFFIC_HEADER, identityHeader(run, { publisher: spec.name, n }, Date.now())],
      ];
      if (spec.msgId) headers.push(['Nats-Msg-Id', `${run}-${spec.name}-${n}`]);
      const once = () => publishMessage(connection, subject, payload(n, subject), { headers, timeoutMs });
      return spec.retry ? untilStored(once, spec.msgId, timeoutMs) : once();
    },
    close: () => connection.close(),
  };
}

async function untilStored(
  once: () => Promise<PublishOutcome>,
  recognised: boolean,
  boundMs: number,
): Promise<PublishOutcome> {
  const deadline = performance.now() + boundMs;
  for (;;) {
    const outcome = await once();
    const again =
      (outcome.status === 'refused' && outcome.code === '503') ||
      (outcome.status === 'unanswered' && recognised);
    if (!again || performance.now() > deadline) return outcome;
    await pause(RETRY_WAIT_MS);
  }
}
