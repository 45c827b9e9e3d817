import type { ConnectSettings, JetStreamWriter } from '../jetstream/index.ts';
import { type Hold, openHold } from './hold.ts';
import { type Captor, countLetGo, letGo, type LetGoResult } from './letGo.ts';
import type { HandoverContext, PreparedGroup } from './types.ts';
import { readSentinels, runWindow, type SentinelPlace, type WindowResult } from './window.ts';
import { readWindow, specifyWindow, type WindowSpec } from './windowSpec.ts';

/** A second process that stands by, with a hold of its own, to end a window whose parent died in it. */
export interface WindowGuard {
  /** Resolves once it stands by. */
  arm(spec: WindowSpec): Promise<void>;
  /** The window is over: it goes without touching anything. */
  disarm(): Promise<void>;
}

export interface HandOverOptions {
  run: string;
  attempt: number;
  /** Rights for a hold are missing: publishers meet 503 in the window and have to retry. */
  withoutHold?: boolean;
  guard?: WindowGuard;
}

export interface WindowOutcome {
  spec: WindowSpec;
  window: WindowResult;
  /** Per copy of the spec, in its order; empty without a hold. */
  letGo: LetGoResult[];
}

/** A hold, and the last sequence of each stream before it stood: what came later may be captured and held. */
interface StandingHold {
  hold: Hold;
  since: Map<string, number>;
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
  const spec = await specifyWindow(account, group, options.run, options.attempt);
  await options.guard?.arm(spec);
  try {
    return await journal.effect('window', { spec }, async () => {
      const standing = options.withoutHold ? undefined : await holdFor(account, settings, spec);
      try {
        const window = await runWindow(account, spec, () => !standing?.hold.overflown);
        const letGo = standing ? await release(account, standing, spec, window) : [];
        host.notify({
          level: window.outcome === 'taken' ? 'info' : 'warn',
          code: `window-${window.outcome}`,
          message: `${spec.moved.join(', ')}: ${window.outcome} after ${window.windowMs} ms, ${letGo.reduce((sum, { held }) => sum + held, 0)} publishes held${window.reason ? ` (${window.reason})` : ''}`,
          data: { ...window, letGo },
        });
        return { spec, window, letGo };
      } finally {
        await standing?.hold.close();
      }
    });
  } finally {
    await options.guard?.disarm();
  }
}

/** Opens the hold of a window; `since` is read first, so that nothing falls between the two. */
export async function holdFor(
  account: JetStreamWriter,
  settings: ConnectSettings,
  spec: WindowSpec,
): Promise<StandingHold | undefined> {
  if (spec.moved.length === 0) return undefined;
  const infos = await Promise.all(spec.streams.map(({ stream }) => account.stream(stream)));
  const since = new Map(
    infos.flatMap((info) => (info ? [[info.config.name, info.state.last_seq] as const] : [])),
  );
  return { hold: await openHold(settings, spec.moved), since };
}

async function release(
  account: JetStreamWriter,
  { hold, since }: StandingHold,
  spec: WindowSpec,
  window: Pick<WindowResult, 'outcome' | 'sentinels'>,
): Promise<LetGoResult[]> {
  const held = await hold.end();
  const fates = await letGo(account, held, captorsOf(spec, since, window), spec.moved);
  return spec.copies.map(({ filters }) => countLetGo(fates, filters));
}

/** The origins' tails from before the hold; and what the targets, or after a revert the origins, took since. */
function captorsOf(
  spec: WindowSpec,
  since: ReadonlyMap<string, number>,
  { outcome, sentinels }: Pick<WindowResult, 'outcome' | 'sentinels'>,
): Captor[] {
  const tails = spec.streams
    .filter(({ released }) => released)
    .map(({ stream }): Captor => ({ stream, fromSeq: (since.get(stream) ?? 0) + 1, side: 'before' }));
  if (outcome === 'reverted') return tails;
  const heads = new Map<string, number>();
  for (const { target, targetSeq } of sentinels)
    heads.set(target, Math.max(heads.get(target) ?? 0, targetSeq + 1));
  return [...tails, ...[...heads].map(([stream, fromSeq]): Captor => ({ stream, fromSeq, side: 'after' }))];
}

/**
 * Ends a window whose process died in it: forward where anything was released or taken, else there is nothing to do. May
 * be called by several processes; the guard brings its own hold, which has heard everything since before the release.
 */
export async function recoverWindow(
  account: JetStreamWriter,
  settings: ConnectSettings,
  spec: WindowSpec,
  standing?: StandingHold,
): Promise<{ window: WindowResult; letGo: LetGoResult[] }> {
  const states = await readWindow(account, spec);
  const touched = states.some(
    ({ stands }) => stands === 'released' || stands === 'taken' || stands === 'final',
  );
  const holding = standing ?? (touched ? await holdFor(account, settings, spec) : undefined);
  try {
    const window: WindowResult = touched
      ? await runWindow(account, spec, () => !holding?.hold.overflown)
      : { outcome: 'reverted', windowMs: 0, sentinels: [], reason: 'nothing was released yet' };
    return { window, letGo: holding ? await release(account, holding, spec, window) : [] };
  } finally {
    await holding?.hold.close();
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
