import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../errors.ts';
import type { Host } from '../host.ts';
import { type ConnectSettings, followTail, type JetStreamWriter, type Tail } from '../jetstream/index.ts';
import { type Hold, openHold } from './hold.ts';
import { lastCallSubject } from './names.ts';
import { areLedAsBefore, type Owner, ownersOf } from './passed.ts';
import type { Captor } from './captured.ts';
import { countLetGo, letGo, type LetGoResult } from './letGo.ts';
import type { HandoverContext, PreparedGroup } from './types.ts';
import { readSentinels, type SentinelPlace } from './drain.ts';
import { type AssertOurs, isOverruled, putRight, runWindow, type WindowResult } from './window.ts';
import {
  DEFAULT_BOUNDS,
  readWindow,
  specifyWindow,
  type WindowBounds,
  type WindowSpec,
  type WindowStream,
} from './windowSpec.ts';

/** A second process that stands by, with a hold of its own, to end a window whose parent died in it. */
export interface WindowGuard {
  /** Resolves once it stands by. */
  arm(spec: WindowSpec): Promise<void>;
  /** OpsError `window-elsewhere` or `lease-lost` where this process was away for so long that another may end the window. */
  readonly assertOurs: AssertOurs;
  /** From here on only this process lets go what is held, unless it dies. Throws as `assertOurs`. */
  lettingGo(): Promise<void>;
  /** How another process has ended the window; undefined where none has begun to. */
  endElsewhere(spec: WindowSpec): Promise<Pick<WindowOutcome, 'window' | 'letGo'> | undefined>;
  /** The window is over: it goes without touching anything. */
  disarm(): Promise<void>;
}

export interface HandOverOptions {
  run: string;
  attempt: number;
  /** Rights for a hold are missing: publishers meet 503 in the window and have to retry. */
  withoutHold?: boolean;
  bounds?: WindowBounds;
  guard?: WindowGuard;
}

export interface WindowOutcome {
  spec: WindowSpec;
  window: WindowResult;
  /** Per copy of the spec and then per `kept`, in their order; empty without a hold. */
  letGo: LetGoResult[];
}

/** A hold, the last sequence of each stream before it stood, since what came later may be captured and held, and what they have stored since. */
interface StandingHold {
  hold: Hold;
  since: Map<string, number>;
  tails: Map<string, Tail | undefined>;
  /** Who is to hear what is held, as led before. */
  owners: readonly Owner[];
  close(): Promise<void>;
}

/**
 * One group's window: hold, release, drain, take, let go; one journaled unit, whose entry holds all that is needed to
 * finish or revert it. Reverted windows leave everything as it was and may be tried again with the next attempt's number.
 */
export async function handOver(
  context: HandoverContext,
  settings: ConnectSettings,
  group: PreparedGroup,
  options: HandOverOptions,
): Promise<WindowOutcome> {
  const { account, journal, host } = context;
  const spec = await specifyWindow(account, group, {
    run: options.run,
    attempt: options.attempt,
    hold: !options.withoutHold,
    ...(options.bounds ? { bounds: options.bounds } : {}),
  });
  await options.guard?.arm(spec);
  try {
    return await journal.effect('window', { spec }, async () => {
      const lastCalls = spec.hold ? await announceLastCall(account, spec) : [];
      const standing = await holdFor(account, settings, spec, { follow: true });
      try {
        await standing?.hold.lastCall(lastCalls);
        const { window, letGo } = await throughWindow(account, spec, standing, options.guard);
        host.notify({
          level: window.outcome === 'taken' ? 'info' : 'warn',
          code: `window-${window.outcome}`,
          message: `${heldFilters(spec).join(', ')}: ${window.outcome} after ${window.windowMs} ms, ${letGo.reduce((sum, { held }) => sum + held, 0)} publishes held${window.reason ? ` (${window.reason})` : ''}`,
          data: { ...window, letGo },
        });
        return { spec, window, letGo };
      } finally {
        await standing?.close();
      }
    });
  } finally {
    await options.guard?.disarm().catch((error: unknown) => missed(host, error));
  }
}

async function throughWindow(
  account: JetStreamWriter,
  spec: WindowSpec,
  standing: StandingHold | undefined,
  guard: WindowGuard | undefined,
): Promise<Pick<WindowOutcome, 'window' | 'letGo'>> {
  try {
    const window = await runWindow(account, spec, {
      mayGoOn: () => !standing?.hold.overflown,
      onOwner: () => standing?.hold.mark(),
      ...(guard ? { assertOurs: guard.assertOurs } : {}),
    });
    await guard?.lettingGo();
    return { window, letGo: standing ? await release(account, standing, spec, window) : [] };
  } catch (error) {
    if (!guard || !isOverruled(error)) throw error;
    const end = await guard.endElsewhere(spec);
    const wasLate = await putRight(account, spec);
    if (!end || error.code === 'lease-lost') throw error;
    // That one had nothing to let go: what came behind its end, only this hold has heard.
    const letGo = wasLate && standing ? await release(account, standing, spec, end.window) : end.letGo;
    return { window: end.window, letGo };
  }
}

/**
 * Lets each origin hear a subject of ours besides its own. A publish that was routed to it before the hold stood may still be on its way
 * when the release comes: the stream would drop it, and nobody would hold it.
 */
async function announceLastCall(account: JetStreamWriter, spec: WindowSpec): Promise<string[]> {
  const giving = (await readWindow(account, spec)).filter(
    ({ stands, stream }) => stands === 'before' && stream.released,
  );
  return Promise.all(
    giving.map(async ({ config, stream }) => {
      const subject = lastCallSubject(spec.run, stream.stream);
      await account.updateStream({ ...config, subjects: [...stream.before, subject] });
      return subject;
    }),
  );
}

/** The window is over without it: a guardian that died in it is to be known of, and no reason to stop. */
const missed = (host: Host, error: unknown): void =>
  host.notify({
    level: 'warn',
    code: 'guardian-gone',
    message: `the second process of the handover is gone: ${messageOf(error)}`,
  });

/**
 * Opens the hold of a window; `since` is read first, so that nothing falls between the two. `follow`: reads along what the streams store, which costs
 * time that only who ends the window should take. `owned`: nothing was released yet.
 */
export async function holdFor(
  account: JetStreamWriter,
  settings: ConnectSettings,
  spec: WindowSpec,
  { follow = false, owned = true } = {},
): Promise<StandingHold | undefined> {
  const filters = heldFilters(spec);
  if (!spec.hold || filters.length === 0) return undefined;
  const infos = await Promise.all(spec.streams.map(({ stream }) => account.stream(stream)));
  const since = new Map(
    infos.flatMap((info) => (info ? [[info.config.name, info.state.last_seq] as const] : [])),
  );
  const { holdBytes } = spec.bounds ?? DEFAULT_BOUNDS;
  const owners = ownersOf(spec, infos);
  const hold = await openHold(settings, filters, { maxBytes: holdBytes, owned, owners });
  const followed = await Promise.all(
    [...(follow ? since : [])].map(
      async ([stream, last]) => [stream, await followTail(account, stream, last + 1)] as const,
    ),
  );
  const tails = new Map(followed);
  return {
    hold,
    since,
    tails,
    owners,
    async close() {
      await Promise.all([hold.close(), ...followed.map(([, tail]) => tail?.close())]);
    },
  };
}

/** What a hold of that window hears. */
export const heldFilters = ({ moved, kept }: Pick<WindowSpec, 'moved' | 'kept'>): string[] => [
  ...moved,
  ...kept.flatMap(({ filters }) => filters),
];

async function release(
  account: JetStreamWriter,
  { hold, since, tails, owners }: StandingHold,
  spec: WindowSpec,
  window: Pick<WindowResult, 'outcome' | 'sentinels'>,
): Promise<LetGoResult[]> {
  const captors = captorsOf(spec, since, tails, window);
  const barriers = barriersOf(spec, captors);
  const held = await hold.end(barriers);
  const isKnown = window.outcome === 'taken' && (await areLedAsBefore(account, owners));
  if (!isKnown) for (const one of held) one.hasPassed = false;
  const fates = await letGo(account, held, captors, spec.moved, {
    elsewhere: hold.elsewhere,
    reached: hold.reached,
    endedInMs: hold.endedInMs,
    barrier: () => hold.barrier(barriers),
  });
  return [...spec.copies, ...spec.kept].map(({ filters }) => countLetGo(fates, filters));
}

/** A subject for each stream that goes on capturing, which it hears once it has taken, or has its own back. */
function barriersOf(spec: WindowSpec, captors: readonly Captor[]): string[] {
  const capturing = new Set([
    ...captors.filter(({ side }) => side === 'after').map(({ stream }) => stream),
    ...spec.kept.map(({ stream }) => stream),
  ]);
  return spec.streams.flatMap(({ stream, barrier }) => (capturing.has(stream) ? [barrier] : []));
}

/**
 * What the streams took from before the hold until the release, and from the take on; the sentinels lie in between. Where there are none (nothing is
 * copied) one range is both, as after a revert.
 */
function captorsOf(
  spec: WindowSpec,
  since: ReadonlyMap<string, number>,
  tails: StandingHold['tails'],
  { outcome, sentinels }: Pick<WindowResult, 'outcome' | 'sentinels'>,
): Captor[] {
  const captor = ({ stream }: WindowStream, side: Captor['side']): Captor => ({
    stream,
    fromSeq: (since.get(stream) ?? 0) + 1,
    side,
    tail: tails.get(stream),
    filters: [...spec.moved, ...spec.kept.flatMap((it) => (it.stream === stream ? it.filters : []))],
  });
  const gave = spec.streams.filter(({ released }) => released);
  if (outcome === 'reverted') return gave.map((stream) => captor(stream, 'after'));
  const between = new Map<string, number>();
  const lies = (stream: string, seq: number): void =>
    void between.set(stream, Math.max(between.get(stream) ?? 0, seq));
  for (const { origin, originSeq, target, targetSeq } of sentinels) {
    lies(origin, originSeq);
    lies(target, targetSeq);
  }
  return [
    ...gave.map((stream) => ({
      ...captor(stream, 'before'),
      ...(stream.taken ? { toSeq: between.get(stream.stream) } : {}),
      throughSeq: Math.max(0, ...sentinels.map((one) => (one.origin === stream.stream ? one.originSeq : 0))),
    })),
    ...spec.streams.flatMap((stream) => {
      const seq = between.get(stream.stream);
      return stream.taken && seq !== undefined ? [{ ...captor(stream, 'after'), fromSeq: seq + 1 }] : [];
    }),
  ];
}

/**
 * Ends a window whose process died in it: forward where anything was released or taken, else there is nothing to do. May
 * be called by several processes; the guard brings its own hold, which has heard everything since before the release.
 */
export async function recoverWindow(
  account: JetStreamWriter,
  settings: ConnectSettings,
  spec: WindowSpec,
  options: { standing?: StandingHold | undefined; watchMs?: number; assertOurs?: AssertOurs } = {},
): Promise<{ window: WindowResult; letGo: LetGoResult[] }> {
  if (!(await wasTouched(account, spec, options.watchMs ?? LATE_RELEASE_MS))) {
    // The origins owned the subjects all the time: whatever was held, they have captured.
    const window = {
      outcome: 'reverted' as const,
      windowMs: 0,
      sentinels: [],
      reason: 'nothing was released yet',
    };
    return { window, letGo: [] };
  }
  // What the dead process had asked for may still be at work: a second update beside it would be one too many.
  await Promise.all(spec.streams.map(({ stream }) => account.afterUpdates(stream)));
  const holding = options.standing ?? (await holdFor(account, settings, spec, { owned: false }));
  try {
    const { assertOurs = async () => {} } = options;
    const window = await runWindow(account, spec, { mayGoOn: () => !holding?.hold.overflown, assertOurs });
    await assertOurs('owner');
    return { window, letGo: holding ? await release(account, holding, spec, window) : [] };
  } finally {
    await holding?.close();
  }
}

/** ms for which a release that a dead process had sent may still arrive. */
const LATE_RELEASE_MS = 500;
const POLL_MS = 20;

async function wasTouched(account: JetStreamWriter, spec: WindowSpec, watchMs: number): Promise<boolean> {
  const deadline = Date.now() + watchMs;
  for (;;) {
    const states = await readWindow(account, spec);
    if (states.some(({ stands }) => stands === 'released' || stands === 'taken' || stands === 'final'))
      return true;
    if (Date.now() > deadline) return false;
    await delay(POLL_MS);
  }
}

/** The sentinels of a window that was taken, read from the streams where nobody could write them down. */
export async function sentinelsOf(
  account: JetStreamWriter,
  spec: WindowSpec,
  known: readonly SentinelPlace[],
): Promise<SentinelPlace[]> {
  return known.length === spec.copies.length ? [...known] : readSentinels(account, spec);
}
