import { setTimeout as delay } from 'node:timers/promises';
import { messageOf, OpsError } from '../errors.ts';
import {
  impatient,
  isPassing,
  isWithoutEffect,
  JetStreamError,
  type JetStreamReader,
  type JetStreamWriter,
  type StreamConfig,
} from '../jetstream/index.ts';
import { isHeldElsewhere, whoHolds } from './heldElsewhere.ts';
import { drain, isRefusedSentinel, mayBeTaken, type SentinelPlace, type Window, within } from './drain.ts';
import {
  DEFAULT_BOUNDS,
  readWindow,
  subjectsChanged,
  type WindowSpec,
  type WindowState,
} from './windowSpec.ts';

export interface WindowResult {
  outcome: 'taken' | 'reverted';
  /** ms from asking for the release to the last take's answer: at least as long as nobody owned the subjects. */
  windowMs: number;
  sentinels: SentinelPlace[];
  /** Why it was reverted. */
  reason?: string;
  /** The next window would go back for the same reason. */
  isFinal?: true;
}

/**
 * Release, drain, take: the only time that nobody owns the moved subjects. Every step looks whether it is already so, so
 * that a second process may go on where the first one died. Where it fails before a take may have come true, the
 * subjects go back to where they were; from there on it only goes forward. `mayGoOn`: more may still be held. `onOwner` is called
 * before a stream is asked to own what is moved: to take it, or to have it back.
 */
export async function runWindow(
  account: JetStreamWriter,
  spec: WindowSpec,
  {
    mayGoOn = () => true,
    onOwner = () => {},
    assertOurs = async () => {},
  }: { mayGoOn?: () => boolean; onOwner?: () => void; assertOurs?: AssertOurs } = {},
): Promise<WindowResult> {
  await assertOurs('release');
  const states = await readWindow(account, spec);
  refuseForeign(states);
  const bounds = spec.bounds ?? DEFAULT_BOUNDS;
  const window: Window = {
    account: impatient(account),
    spec,
    states,
    mayGoOn,
    bounds,
    begun: performance.now(),
  };
  const elapsed = (): number => Math.round((performance.now() - window.begun) * 100) / 100;
  try {
    await release(window);
    await assertOurs('owner'); // a release that came late, behind another process's end of the window, goes no further
    const sentinels = await drain(window);
    onOwner();
    await take(window, assertOurs);
    return { outcome: 'taken', windowMs: elapsed(), sentinels };
  } catch (error) {
    if (isOverruled(error)) throw error;
    const now = await readWindow(account, spec).catch(() => states);
    if (mayBeTaken(states) || now.some(({ stands }) => stands === 'taken')) throw halfWay(spec, error);
    onOwner();
    await revert(window, assertOurs).catch((held: unknown) => {
      throw isOverruled(held) ? held : halfWay(spec, held);
    });
    const final = isFinal(error) ? { isFinal: true as const } : {};
    return { outcome: 'reverted', windowMs: elapsed(), sentinels: [], reason: messageOf(error), ...final };
  }
}

const isFinal = (error: unknown): boolean => isHeldElsewhere(error) || isRefusedSentinel(error);

/**
 * Throws where another process ends the window, or has. Asked directly before what changes owners: each release, each time that a stream is asked to
 * take or to have its own back.
 */
export type AssertOurs = (before: 'release' | 'owner') => Promise<void>;

/** Another process ends this window, or will, since no server tells this one that it is ours: it touches nothing any more. */
const OVERRULING: ReadonlySet<string> = new Set(['window-elsewhere', 'lease-lost', 'state-away']);
export const isOverruled = (error: unknown): error is OpsError =>
  error instanceof OpsError && OVERRULING.has(error.code);

/**
 * What a release of ours that came late has taken away is given back: forward where the targets have taken, else back. Whoever ends the window
 * meanwhile is refused its take by the server, and tries again.
 */
export async function putRight(account: JetStreamWriter, spec: WindowSpec): Promise<boolean> {
  await Promise.all(spec.streams.map(({ stream }) => account.afterUpdates(stream)));
  const states = await readWindow(account, spec);
  const isTaken = states.some(
    ({ stream, stands }) => stream.taken && (stands === 'taken' || stands === 'final'),
  );
  const ownerless = states.filter(({ stream, stands }) => stream.released && stands === 'released');
  await allOf(ownerless, async ({ config, stream }) => {
    const subjects = isTaken ? stream.final : [...stream.before, stream.barrier];
    const give = () => account.updateStream(withSubjects(config, subjects));
    await insist(give, DEFAULT_BOUNDS.settleMs, isRefused).catch((error: unknown) => {
      if (!isRefused(error)) throw error; // another stream hears them by now
    });
  });
  return ownerless.length > 0 && !isTaken;
}

const isRefused = (error: unknown): boolean => error instanceof JetStreamError && !isPassing(error);

function refuseForeign(states: readonly WindowState[]): void {
  const foreign = states.find(({ stands }) => stands === 'elsewhere');
  if (foreign) throw subjectsChanged(foreign.stream.stream, foreign.config.subjects);
}

const withSubjects = (config: StreamConfig, subjects: string[]): StreamConfig => ({ ...config, subjects });

async function release({ account, states, bounds }: Window): Promise<void> {
  const giving = states.filter(({ stands, stream }) => stands === 'before' && stream.released);
  await allOf(giving, async (state) => {
    const subjects = state.stream.released!;
    try {
      await within(bounds.drainMs, account.updateStream(withSubjects(state.config, subjects)));
    } catch (error) {
      if (!isWithoutEffect(error)) state.stands = 'released'; // or will be
      throw error;
    }
    state.stands = 'released';
  });
}

/**
 * Tried again until it succeeds. As long as every take was refused, and so none can come true later, it gives up where
 * more is held than may be, or for longer. Where a stream that has no part in this hears some of what a stream is to take, that one cannot take all of it. If
 * nothing else was taken, it gives up at once. Else there is only forward, and it takes what had an owner here: what another has
 * taken may have been published to by then, and cannot go back as if nothing had happened.
 */
async function take(window: Window, assertOurs: AssertOurs): Promise<void> {
  const { states, mayGoOn, bounds, begun } = window;
  let givenUp = false;
  const giveUp = (): boolean => {
    const tooMuch = !mayGoOn() || performance.now() - begun > bounds.holdMs;
    givenUp ||= tooMuch && !mayBeTaken(states);
    return givenUp;
  };
  const takeAs = async (state: WindowState, subjects: string[]): Promise<void> => {
    const ask = async (): Promise<void> => {
      await assertOurs('owner');
      await askToTake(window, state, subjects);
    };
    await insist(ask, bounds.settleMs, giveUp);
    state.stands = 'taken';
  };
  const held = new Map<WindowState, OpsError>();
  const taken = allOf(
    states.filter(({ stands, stream }) => stream.taken && stands !== 'taken'),
    async (state) => {
      await takeAs(state, state.stream.taken!).catch((error: unknown) => {
        if (!isHeldElsewhere(error) || !state.stream.certain) throw error;
        held.set(state, error);
      });
    },
  );
  await taken.catch(() => {});
  if (mayBeTaken(states)) await allOf([...held.keys()], (state) => takeAs(state, state.stream.certain!));
  else for (const error of held.values()) throw error;
  await taken;
}

async function askToTake({ account, spec }: Window, state: WindowState, subjects: string[]): Promise<void> {
  const wasUnsure = state.unsure ?? false;
  state.unsure = true; // from here until it is known better
  try {
    await account.updateStream(withSubjects(state.config, subjects));
  } catch (error) {
    if (isWithoutEffect(error)) state.unsure = wasUnsure;
    throw (await refusedBy(account, spec, state.stream.stream, subjects, error)) ?? error;
  }
}

const refusedBy = (
  account: JetStreamReader,
  { streams }: WindowSpec,
  stream: string,
  subjects: string[],
  error: unknown,
): Promise<OpsError | undefined> =>
  whoHolds(
    account,
    error,
    { stream, subjects },
    streams.map((one) => one.stream),
  );

/** Every origin, so that the barrier is heard; one whose release was refused has all it had, whatever it answers now. */
async function revert({ account, spec, states, bounds }: Window, assertOurs: AssertOurs): Promise<void> {
  await allOf(
    states.filter(({ stream }) => stream.released),
    async ({ config, stream, stands }) => {
      const subjects = [...stream.before, stream.barrier];
      const back = async () => {
        await assertOurs('owner');
        await account.updateStream(withSubjects(config, subjects)).catch(async (error: unknown) => {
          throw (await refusedBy(account, spec, stream.stream, subjects, error)) ?? error;
        });
      };
      if (stands === 'before') await back().catch(unlessOverruled);
      else await insist(back, bounds.settleMs);
    },
  );
}

const unlessOverruled = (error: unknown): void => {
  if (isOverruled(error)) throw error;
};

/** All at once; waits for every one of them before it throws what the first one threw. */
async function allOf<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const results = await Promise.allSettled(items.map(work));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}

/** ms for the first answer, and at most for one: an answer that a restart has swallowed is not waited for 5 s. */
const ANSWER_MS = 1_000;
const LONGEST_ANSWER_MS = 5_000;

/**
 * Tries again what has to succeed, until it does or the time is up: the same update twice is the same as once. Not what a stream of somebody
 * else stands in the way of.
 */
async function insist(
  work: () => Promise<unknown>,
  forMs: number,
  giveUp: (error: unknown) => boolean = () => false,
): Promise<void> {
  const deadline = performance.now() + forMs;
  let answerMs = ANSWER_MS;
  for (let wait = 10; ; wait = Math.min(wait * 2, 1_000)) {
    const begun = performance.now();
    try {
      await within(answerMs, work());
      return;
    } catch (error) {
      if (isHeldElsewhere(error) || isOverruled(error)) throw error;
      if (performance.now() > deadline || giveUp(error)) throw error;
      if (performance.now() - begun >= answerMs) answerMs = Math.min(answerMs * 2, LONGEST_ANSWER_MS);
      else await delay(wait);
      if (giveUp(error)) throw error;
    }
  }
}

const halfWay = (spec: WindowSpec, cause: unknown): OpsError =>
  new OpsError(
    'window-half-way',
    `the handover of ${spec.moved.join(', ')} is half done: ${messageOf(cause)}`,
    {
      kind: 'partial',
      hint: isHeldElsewhere(cause)
        ? `${cause.hint}; then aa-ops migrate --resume`
        : 'aa-ops migrate --resume finishes it at once',
      details: { run: spec.run, group: spec.group, streams: spec.streams.map(({ stream }) => stream) },
      cause,
    },
  );
