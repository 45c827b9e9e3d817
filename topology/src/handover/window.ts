import { setTimeout as delay } from 'node:timers/promises';
import { messageOf, OpsError } from '../errors.ts';
import type { JetStreamWriter, StreamConfig } from '../jetstream/index.ts';
import { sentinelSubject } from './names.ts';
import { readWindow, type WindowSpec, type WindowState } from './windowSpec.ts';

/** Where the last message of an origin and its copy lie: the end of what is copied, and of what was not taken directly. */
export interface SentinelPlace {
  origin: string;
  target: string;
  originSeq: number;
  /** The target's next sequence is its first direct message: the start of the way back. */
  targetSeq: number;
}

export interface WindowResult {
  outcome: 'taken' | 'reverted';
  /** ms from asking for the release to the last take's answer: at least as long as nobody owned the subjects. */
  windowMs: number;
  sentinels: SentinelPlace[];
  /** Why it was reverted. */
  reason?: string;
}

export interface WindowLimits {
  /** ms that the drain may take before the subjects go back: well below the 5 s that clients wait for an ack by default. */
  drainMs: number;
  /** ms for which a take or a revert is tried again: until then, somebody has to own the subjects. */
  settleMs: number;
}

export const DEFAULT_WINDOW_LIMITS: WindowLimits = { drainMs: 2_000, settleMs: 60_000 };

/** ms between two looks at a draining target. */
const POLL_MS = 1;

/**
 * Release, drain, take: the only time that nobody owns the moved subjects. Every step looks whether it is already so, so
 * that a second process may go on where the first one died. Where draining fails before anything was taken, the
 * subjects go back to where they were; from the first take on it only goes forward.
 */
export async function runWindow(
  account: JetStreamWriter,
  spec: WindowSpec,
  mayGoOn: () => boolean = () => true,
  limits: WindowLimits = DEFAULT_WINDOW_LIMITS,
): Promise<WindowResult> {
  const states = await readWindow(account, spec);
  refuseForeign(states);
  const begun = performance.now();
  const elapsed = (): number => Math.round((performance.now() - begun) * 100) / 100;
  const anyTaken = (): boolean => states.some(({ stands }) => stands === 'taken');
  try {
    await Promise.all(
      states.filter((s) => s.stands === 'before' && s.stream.released).map((s) => release(account, s)),
    );
    const sentinels = await drain(account, spec, limits, mayGoOn, anyTaken);
    await Promise.all(
      states.filter((s) => s.stream.taken && s.stands !== 'taken').map((s) => take(account, s, limits)),
    );
    return { outcome: 'taken', windowMs: elapsed(), sentinels };
  } catch (error) {
    const now = await readWindow(account, spec).catch(() => states);
    if (now.some(({ stands }) => stands === 'taken')) throw halfWay(spec, error);
    await Promise.all(now.filter((s) => s.stands !== 'before').map((s) => revert(account, s, limits)));
    return { outcome: 'reverted', windowMs: elapsed(), sentinels: [], reason: messageOf(error) };
  }
}

/** Somebody else wrote the subjects since the window was specified: neither forward nor back is known to be right. */
function refuseForeign(states: readonly WindowState[]): void {
  const foreign = states.find(({ stands }) => stands === 'elsewhere');
  if (!foreign) return;
  throw new OpsError(
    'subjects-changed',
    `${foreign.stream.stream} hears ${foreign.config.subjects?.join(', ')}, not what this handover found or made`,
    {
      hint: 'somebody else changed it meanwhile: aa-ops plan shows how it stands',
      details: { stream: foreign.stream },
    },
  );
}

const withSubjects = (config: StreamConfig, subjects: string[]): StreamConfig => ({ ...config, subjects });

async function release(account: JetStreamWriter, state: WindowState): Promise<void> {
  await account.updateStream(withSubjects(state.config, state.stream.released!));
  state.stands = 'released';
}

async function take(account: JetStreamWriter, state: WindowState, limits: WindowLimits): Promise<void> {
  await insist(() => account.updateStream(withSubjects(state.config, state.stream.taken!)), limits.settleMs);
  state.stands = 'taken';
}

async function revert(account: JetStreamWriter, state: WindowState, limits: WindowLimits): Promise<void> {
  await insist(
    () => account.updateStream(withSubjects(state.config, [...state.stream.before, state.stream.barrier])),
    limits.settleMs,
  );
  state.stands = 'before';
}

/** Tries again what has to succeed, until it does or the time is up: the same update twice is the same as once. */
async function insist(work: () => Promise<unknown>, forMs: number): Promise<void> {
  const deadline = Date.now() + forMs;
  for (let wait = 10; ; wait = Math.min(wait * 2, 1_000)) {
    try {
      await work();
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await delay(wait);
    }
  }
}

/**
 * A sentinel for each copy behind its origin's last message; where it has arrived, everything before it has (order is kept). It works
 * where looking for the last message itself does not: expired, purged, dropped for its repeated id.
 */
async function drain(
  account: JetStreamWriter,
  spec: WindowSpec,
  limits: WindowLimits,
  mayGoOn: () => boolean,
  anyTaken: () => boolean,
): Promise<SentinelPlace[]> {
  const deadline = Date.now() + limits.drainMs;
  const guard = (what: string): void => {
    if (anyTaken()) return; // nothing but forward
    if (!mayGoOn()) throw new OpsError('hold-full', 'more was published in the window than may be held');
    if (Date.now() > deadline) throw new OpsError('drain-timeout', `${what} within ${limits.drainMs} ms`);
  };
  return Promise.all(
    spec.copies.map(async ({ origin, target, epoch }): Promise<SentinelPlace> => {
      const subject = sentinelSubject(epoch, spec.attempt);
      const originSeq = await sendSentinel(account, origin, subject, guard);
      const targetSeq = await arrival(account, target, subject, () =>
        guard(`${target} did not get ${origin}'s last message`),
      );
      return { origin, target, originSeq, targetSeq };
    }),
  );
}

async function sendSentinel(
  account: JetStreamWriter,
  origin: string,
  subject: string,
  guard: (what: string) => void,
): Promise<number> {
  // One that a dead process sent is as good, and the first one is the one that counts.
  const standing = await account.message(origin, { seq: 1, nextBySubject: subject });
  if (standing) return standing.seq;
  for (;;) {
    try {
      const reply = await account.connection.request(subject, undefined, { timeout: 1_000 });
      const ack = JSON.parse(new TextDecoder().decode(reply.data)) as {
        seq?: number;
        error?: { description: string };
      };
      if (!ack.error && ack.seq !== undefined) return ack.seq; // a refusal carries a sequence as well: 0
      throw new Error(ack.error?.description);
    } catch (error) {
      guard(`${origin} did not take the sentinel (${messageOf(error)})`);
      const stored = await account.message(origin, { seq: 1, nextBySubject: subject }).catch(() => undefined);
      if (stored) return stored.seq;
      await delay(POLL_MS);
    }
  }
}

async function arrival(
  account: JetStreamWriter,
  target: string,
  subject: string,
  guard: () => void,
): Promise<number> {
  for (;;) {
    const found = await account.message(target, { seq: 1, nextBySubject: subject });
    if (found) return found.seq;
    guard();
    await delay(POLL_MS);
  }
}

const halfWay = (spec: WindowSpec, cause: unknown): OpsError =>
  new OpsError(
    'window-half-way',
    `the handover of ${spec.moved.join(', ')} is half done: ${messageOf(cause)}`,
    {
      kind: 'partial',
      hint: 'aa-ops migrate --resume finishes it at once',
      details: { run: spec.run, group: spec.group, streams: spec.streams.map(({ stream }) => stream) },
      cause,
    },
  );

/** What a window that another process took to its end has left: the places of its sentinels. */
export async function readSentinels(account: JetStreamWriter, spec: WindowSpec): Promise<SentinelPlace[]> {
  return Promise.all(
    spec.copies.map(async ({ origin, target, epoch }) => {
      const subject = sentinelSubject(epoch, spec.attempt);
      const [there, here] = await Promise.all([
        account.message(origin, { seq: 1, nextBySubject: subject }),
        account.message(target, { seq: 1, nextBySubject: subject }),
      ]);
      if (!there || !here)
        throw new OpsError('sentinel-missing', `no sentinel ${subject} on ${origin} and ${target}`, {
          kind: 'partial',
          hint: 'the subjects have their new owners; somebody deleted or purged messages meanwhile, look at both streams',
        });
      return { origin, target, originSeq: there.seq, targetSeq: here.seq };
    }),
  );
}
