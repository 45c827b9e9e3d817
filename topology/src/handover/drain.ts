import { setTimeout as delay } from 'node:timers/promises';
import { messageOf, OpsError } from '../errors.ts';
import {
  isPassing,
  type JetStreamReader,
  type JetStreamWriter,
  type StoredMessage,
} from '../jetstream/index.ts';
import { sentinelSubject } from './names.ts';
import { originOf } from './reads.ts';
import type { WindowBounds, WindowSpec, WindowState } from './windowSpec.ts';

/** Where the last message of an origin and its copy lie: the end of what is copied, and of what was not taken directly. */
export interface SentinelPlace {
  origin: string;
  target: string;
  originSeq: number;
  /** The target's next sequence is its first direct message: the start of the way back. */
  targetSeq: number;
}

/** A window at work. */
export interface Window {
  account: JetStreamWriter;
  spec: WindowSpec;
  states: WindowState[];
  mayGoOn: () => boolean;
  bounds: WindowBounds;
  begun: number;
}

/** Whether one has taken, or was asked to and nobody knows: then there is only forward. */
export const mayBeTaken = (states: readonly WindowState[]): boolean =>
  states.some(({ stands, unsure }) => stands === 'taken' || unsure);

/** ms between two looks at a draining target, and for which a sentinel's ack is waited for. */
const POLL_MS = 1;
const SENTINEL_MS = 500;

/** The answer, or `drain-timeout` once the time is up: nobody waits for a request's own 5 s here. */
export async function within<T>(ms: number, answer: Promise<T>): Promise<T> {
  const late = new AbortController();
  try {
    return await Promise.race([
      answer,
      delay(Math.max(1, ms), undefined, { signal: late.signal }).then(() => {
        throw new OpsError('drain-timeout', `the server did not answer within ${Math.round(ms)} ms`);
      }),
    ]);
  } finally {
    late.abort();
  }
}

/**
 * A sentinel for each copy behind its origin's last message; where it has arrived, everything before it has (order is kept). It works
 * where looking for the last message itself does not: expired, purged, dropped for its repeated id.
 */
export async function drain({ account, spec, states, mayGoOn, bounds }: Window): Promise<SentinelPlace[]> {
  const deadline = performance.now() + bounds.drainMs;
  const guard = (what: string): void => {
    if (mayBeTaken(states)) return; // nothing but forward
    if (!mayGoOn()) throw new OpsError('hold-full', 'more was published in the window than may be held');
    if (performance.now() > deadline)
      throw new OpsError('drain-timeout', `${what} within ${bounds.drainMs} ms`);
  };
  /** One look at a stream; undefined also where nobody answers just then. */
  const look: Look = async (stream, subject) => {
    const asked = account.message(stream, { seq: 1, nextBySubject: subject }).catch((error: unknown) => {
      if (isPassing(error)) return undefined;
      throw error;
    });
    return mayBeTaken(states) ? asked : within(deadline - performance.now(), asked);
  };
  return Promise.all(
    spec.copies.map(async ({ origin, target, epoch }): Promise<SentinelPlace> => {
      const subject = sentinelSubject(epoch, spec.attempt);
      // One that a dead process sent is as good; the first one is the one that counts.
      const [copy, standing] = await Promise.all([look(target, subject), look(origin, subject)]);
      if (copy) return placeOf(origin, target, copy);
      const insists = (): boolean => mayBeTaken(states);
      const originSeq = standing?.seq ?? (await sendSentinel(account, origin, subject, look, guard, insists));
      const targetSeq = await arrival(target, subject, look, () =>
        guard(`${target} did not get ${origin}'s last message`),
      );
      return { origin, target, originSeq, targetSeq };
    }),
  );
}

type Look = (stream: string, subject: string) => Promise<StoredMessage | undefined>;

async function sendSentinel(
  account: JetStreamWriter,
  origin: string,
  subject: string,
  look: Look,
  guard: (what: string) => void,
  insists: () => boolean,
): Promise<number> {
  for (let first = true; ; first = false) {
    const standing = first ? undefined : await look(origin, subject);
    if (standing) return standing.seq;
    try {
      const reply = await account.connection.request(subject, undefined, { timeout: SENTINEL_MS });
      const ack = JSON.parse(new TextDecoder().decode(reply.data)) as {
        seq?: number;
        error?: { code: number; description: string };
      };
      if (ack.error && isLasting(ack.error) && !insists())
        throw new OpsError(
          'sentinel-refused',
          `${origin} cannot store what tells that all was copied: ${ack.error.description}`,
        );
      const stored = !ack.error && ack.seq !== undefined; // a refusal carries a sequence as well: 0
      if (stored && first) return ack.seq!;
      throw new Error(ack.error?.description ?? 'an earlier one may be stored: look again');
    } catch (error) {
      if (isRefusedSentinel(error)) throw error;
      guard(`${origin} did not take the sentinel (${messageOf(error)})`);
      await delay(POLL_MS);
    }
  }
}

/** It will be refused again a moment later: no request that the stream takes, or a limit that refuses what is new. */
const isLasting = ({ code, description }: { code: number; description: string }): boolean =>
  code === 400 || description.startsWith('maximum ');

export const isRefusedSentinel = (error: unknown): boolean =>
  error instanceof OpsError && error.code === 'sentinel-refused';

async function arrival(target: string, subject: string, look: Look, guard: () => void): Promise<number> {
  for (;;) {
    const found = await look(target, subject);
    if (found) return found.seq;
    guard();
    await delay(POLL_MS);
  }
}

/** The copy tells both places: a work queue may be rid of the sentinel itself, once it is copied and since nobody claims it. */
const placeOf = (origin: string, target: string, copy: StoredMessage): SentinelPlace => ({
  origin,
  target,
  originSeq: originOf(copy)!.seq,
  targetSeq: copy.seq,
});

/** What a window that another process took to its end has left: the places of its sentinels. */
export async function readSentinels(account: JetStreamReader, spec: WindowSpec): Promise<SentinelPlace[]> {
  return Promise.all(
    spec.copies.map(async ({ origin, target, epoch }) => {
      const subject = sentinelSubject(epoch, spec.attempt);
      const here = await account.message(target, { seq: 1, nextBySubject: subject });
      if (!here)
        throw new OpsError('sentinel-missing', `no sentinel ${subject} on ${target}`, {
          kind: 'partial',
          hint: 'the subjects have their new owners; somebody deleted or purged messages meanwhile, look at both streams',
        });
      return placeOf(origin, target, here);
    }),
  );
}
