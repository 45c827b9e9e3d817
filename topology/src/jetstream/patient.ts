import { setTimeout as delay } from 'node:timers/promises';
import { OpsError } from '../errors.ts';
import type { JetStreamWriter } from './account.ts';
import { JetStreamError } from './jsError.ts';

export interface Patience {
  /** ms after which the last error is thrown: more than a restart or an election takes (4 to 10 s). */
  forMs: number;
  /** Ends the waiting: the error is thrown at once. */
  signal?: AbortSignal;
}

export const DEFAULT_PATIENCE_MS = 30_000;

const FIRST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 1_000;

/**
 * Nobody had an answer just then: a server that restarts, a stream or a cluster without a leader. The codes of the server:
 * 10004 incomplete results, 10007 not assigned to this server, 10008 temporarily unavailable, 10009 not the leader.
 */
const PASSING_CODES: ReadonlySet<string> = new Set(['nats-timeout', 'nats-lost', 'jetstream-absent']);
const PASSING_ERR_CODES: ReadonlySet<number> = new Set([10004, 10007, 10008, 10009]);

/** Whether the same request may well be answered a moment later. */
export const isPassing = (error: unknown): boolean =>
  error instanceof JetStreamError
    ? PASSING_ERR_CODES.has(error.errCode)
    : error instanceof OpsError && PASSING_CODES.has(error.code);

/** Whether it is known that a request had no effect: it was refused, or it reached nobody. Else it may still come true. */
export const isWithoutEffect = (error: unknown): boolean =>
  error instanceof JetStreamError || (error instanceof OpsError && error.code === 'jetstream-absent');

/** The account itself, of one that was made patient. */
const BEHIND = Symbol('the account behind a patient one');
type Patient = JetStreamWriter & { [BEHIND]?: JetStreamWriter };

/** For the window, which cannot wait: it would rather give the subjects back. */
export const impatient = (account: JetStreamWriter): JetStreamWriter =>
  (account as Patient)[BEHIND] ?? account;

/** Every request of these may be sent twice: they read, or they say how something is to stand. */
const REPEATABLE = [
  'accountInfo',
  'listStreams',
  'stream',
  'subjectCounts',
  'goneSeqs',
  'listConsumers',
  'consumer',
  'message',
  'createStream',
  'updateStream',
  'afterUpdates',
  'createConsumer',
  'updateConsumer',
  'pauseConsumer',
  'purge',
  'api',
] as const;
/** What is gone at the second time was deleted by the first one, whose answer went missing. */
const DELETING = ['deleteStream', 'deleteMessage', 'deleteConsumer'] as const;

/** The same account, asking again what nobody could answer just then. Runs use it, so that they outlive a server's restart. */
export function patient(account: JetStreamWriter, patience: Patience): JetStreamWriter {
  type Method = (...args: unknown[]) => Promise<unknown>;
  const wrap = (name: string, deletes: boolean): PropertyDescriptor => ({
    value: (...args: unknown[]) =>
      patiently((attempt) => {
        const method = (account as unknown as Record<string, Method>)[name]!;
        const asked = method.apply(account, args);
        return attempt > 1 && deletes ? asked.catch(unlessGone) : asked;
      }, patience),
  });
  return Object.create(account, {
    ...Object.fromEntries(REPEATABLE.map((name) => [name, wrap(name, false)])),
    ...Object.fromEntries(DELETING.map((name) => [name, wrap(name, true)])),
    [BEHIND]: { value: account },
  }) as JetStreamWriter;
}

function unlessGone(error: unknown): void {
  // A message that is gone is a 400 of its own kind (10057 of older servers), everything else a 404.
  if (error instanceof JetStreamError && (error.status === 404 || error.errCode === 10057)) return;
  throw error;
}

/** Repeats work until it succeeds, fails for good, or patience ends. */
export async function patiently<T>(
  work: (attempt: number) => Promise<T>,
  { forMs, signal }: Patience,
  maybeLater: (error: unknown) => boolean = isPassing,
): Promise<T> {
  const deadline = performance.now() + forMs;
  for (let attempt = 1, wait = FIRST_WAIT_MS; ; attempt++, wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
    try {
      return await work(attempt);
    } catch (error) {
      if (!maybeLater(error) || performance.now() > deadline || signal?.aborted) throw error;
      await delay(wait, undefined, signal ? { signal } : {}).catch(() => {
        throw error;
      });
    }
  }
}
