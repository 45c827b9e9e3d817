import { messageOf, type PublishOutcome } from '@aa-ops/topology';
import type { Sender } from '../traffic/index.ts';
import { hrvEventOf } from './hrvEvents.ts';
import { doorRate, FRONT_DOOR, HRV_SUBJECT } from './publishers.ts';

const TIMEOUT_MS = 10_000;

/** A client of `POST /ingest/hrv` that waits for every answer; 200 means that a stream has acked. It never tries again. */
export function openDoorSender(frontDoor: string, rate: number, values: readonly number[]): Sender {
  const url = new URL('/ingest/hrv', frontDoor);
  return {
    name: FRONT_DOOR,
    kind: 'waiting',
    subjects: [HRV_SUBJECT],
    inFlight: 1,
    ratePerSecond: doorRate(rate),
    async send({ n }): Promise<PublishOutcome> {
      const body = JSON.stringify(hrvEventOf(FRONT_DOOR, n, values));
      try {
        const response = await fetch(url, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body,
          signal: AbortSignal.timeout(TIMEOUT_MS),
        });
        const text = await response.text();
        if (response.status === 200)
          return { status: 'stored', stream: FRONT_DOOR, seq: 0, duplicate: false };
        return {
          status: response.status < 500 ? 'refused' : 'unanswered',
          code: `http-${response.status}`,
          message: text,
        };
      } catch (error) {
        return { status: 'unanswered', code: 'http', message: messageOf(error) };
      }
    },
    close: async () => {},
  };
}
