import { createHash, randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { type HrvEvent, isInvalid, parseHrvEvent } from '../shared/hrvEvent.ts';
import { problem, type Reply, type Route } from '../shared/httpServer.ts';
import { isAuthorized, type Secrets } from './authorize.ts';
import { answerStored, type Publish } from './publish.ts';
import { readBody } from './readBody.ts';

export interface HrvRouteOptions {
  secrets: Secrets;
  bodyLimit: number;
  publish: Publish;
}

const MAX_KEY = 255;

/** `POST /ingest/hrv`: one HRV event; 200 only once a stream has stored it. */
export function hrvRoute({ secrets, bodyLimit, publish }: HrvRouteOptions): Route {
  async function handle(request: IncomingMessage): Promise<Reply> {
    const body = await readBody(request, bodyLimit);
    if (!body) return problem(413, 'too-large', `the body is larger than ${bodyLimit} bytes`);
    if (!isAuthorized(secrets, request.headers, body)) {
      return {
        ...problem(401, 'unauthorized', 'no valid token or signature'),
        headers: { 'www-authenticate': 'Bearer' },
      };
    }
    const event = parseHrvEvent(body);
    if (isInvalid(event)) return problem(400, 'invalid-event', event.message, { field: event.field });
    const key = request.headers['idempotency-key'];
    if (key !== undefined && (typeof key !== 'string' || key === '' || key.length > MAX_KEY)) {
      return problem(400, 'invalid-key', `Idempotency-Key must have 1 to ${MAX_KEY} characters`, {
        field: 'Idempotency-Key',
      });
    }

    const timestamp = new Date();
    const { userId, date, rmssd } = event;
    const capturedAt = new Date(event.capturedAtMs ?? timestamp).toISOString();
    const payload = Buffer.from(JSON.stringify({ userId, date, rmssd, capturedAt }));
    return answerStored(() => publish(payload, messageId(event, key)), timestamp);
  }
  return { method: 'POST', path: '/ingest/hrv', handle };
}

/**
 * Each request is an event of its own, however alike two bodies are: a client that sends the same again may mean it. Only
 * one that repeats its `Idempotency-Key` says that it does not. The event is part of that id, so that a key used twice by
 * mistake cannot swallow another event. Dedupes within the stream's duplicate window (2 minutes).
 */
function messageId(event: HrvEvent, key: string | undefined): string {
  if (key === undefined) return `hrv-${randomUUID()}`;
  const { userId, date, rmssd, capturedAtMs } = event;
  const identity = JSON.stringify([key, userId, date, rmssd, capturedAtMs ?? null]);
  return `hrv-${createHash('sha256').update(identity).digest('hex')}`;
}
