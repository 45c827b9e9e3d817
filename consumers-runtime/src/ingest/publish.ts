import { setTimeout as sleep } from 'node:timers/promises';
import { ErrorCode, headers as newHeaders, NatsError } from 'nats';
import { problem, type Reply } from '../shared/httpServer.ts';
import type { NatsLink } from '../shared/natsLink.ts';

/** Stores one event in whichever stream owns the subject. */
export type Publish = (payload: Uint8Array, messageId: string) => Promise<void>;

/** The event was not stored, as far as we know, within the bound. */
export class NotStored extends Error {
  override readonly name = 'NotStored';
}

export interface PublishOptions {
  link: () => NatsLink | undefined;
  subject: string;
  /** ms, all tries together. */
  timeoutMs: number;
  /** Adds the trace context. */
  inject(set: (name: string, value: string) => void): void;
  /** After each event: whether it was stored, and why it was not. */
  onPublished(stored: boolean, why?: string): void;
}

/** A PubAck takes about 1 ms; a handover's window some 50 ms, in which requests wait or are answered with 503. */
const FIRST_PAUSE_MS = 10;
const MAX_PAUSE_MS = 250;
const TRY_MS = 2_000;

/**
 * Resolves after the PubAck. Nobody listens (503), no answer, no connection: tried again with the same `Nats-Msg-Id`, so
 * that a try whose answer was lost is not stored twice. Rejects with NotStored when the bound is over or the stream refuses.
 */
export function createPublish(options: PublishOptions): Publish {
  return async (payload, messageId) => {
    const deadline = performance.now() + options.timeoutMs;
    const headers = newHeaders();
    headers.set('Nats-Msg-Id', messageId);
    options.inject((name, value) => headers.set(name, value));
    let pauseMs = FIRST_PAUSE_MS;
    let why: string | undefined;
    for (;;) {
      const left = deadline - performance.now();
      if (left < 1) {
        // A timer may fire a fraction early, and the client refuses a timeout below 1 ms.
        why ??= 'no connection to NATS';
        options.onPublished(false, why);
        throw new NotStored(why);
      }
      const link = options.link();
      if (link?.connected()) {
        const timeout = Math.min(TRY_MS, left);
        try {
          const reply = await link.nc.request(options.subject, payload, { headers, timeout });
          const ack = reply.json<{ seq?: number; error?: { description: string } }>();
          if (ack.seq !== undefined && !ack.error) {
            options.onPublished(true);
            return;
          }
          why = ack.error?.description ?? 'the answer is no PubAck';
        } catch (error) {
          // The last try may have had a millisecond: its silence says less than the answer to the one before.
          if (why === undefined || timeout === TRY_MS || !isTimeout(error)) why = explain(error);
        }
      }
      await sleep(Math.min(pauseMs * (0.5 + Math.random() / 2), Math.max(1, deadline - performance.now())));
      pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS);
    }
  };
}

/** 200 once `store` has: with the time of receipt, as the runbook prints it. 503 where no stream has taken it in time, with when to come again. */
export async function answerStored(store: () => Promise<void>, timestamp = new Date()): Promise<Reply> {
  try {
    await store();
  } catch (error) {
    if (!(error instanceof NotStored)) throw error;
    const reply = problem(503, 'not-stored', `the event was not stored: ${error.message}`);
    return { ...reply, headers: { 'retry-after': '1' } };
  }
  return { status: 200, json: { status: 'received', timestamp: timestamp.toISOString() } };
}

function explain(error: unknown): string {
  if (error instanceof NatsError && error.code === ErrorCode.NoResponders)
    return 'no stream takes the subject';
  if (isTimeout(error)) return 'no PubAck in time';
  return error instanceof Error ? error.message : String(error);
}

const isTimeout = (error: unknown): boolean => error instanceof NatsError && error.code === ErrorCode.Timeout;
