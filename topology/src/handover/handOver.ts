import { messageOf } from '../errors.ts';
import type { Host } from '../host.ts';
import type { ConnectSettings, JetStreamWriter } from '../jetstream/index.ts';
import { readSentinels, type SentinelPlace } from './drain.ts';
import type { LetGoResult } from './letGo.ts';
import { lastCallSubject } from './names.ts';
import { endHold, heldFilters, holdFor, type StandingHold } from './standingHold.ts';
import type { HandoverContext, PreparedGroup } from './types.ts';
import { tellUnheard, type Unheard, unheardBy } from './unheard.ts';
import { type AssertOurs, isOverruled, putRight, runWindow, type WindowResult } from './window.ts';
import { readWindow, specifyWindow, type WindowBounds, type WindowSpec } from './windowSpec.ts';

/** A second process that stands by, with a hold of its own, to end a window whose parent died in it. */
export interface WindowGuard {
  /** Resolves once it stands by. */
  arm(spec: WindowSpec): Promise<void>;
  /** OpsError `window-elsewhere`, `lease-lost` or `state-away` where this process was away for so long that another may end the window. */
  readonly assertOurs: AssertOurs;
  /** From here on only this process lets go what is held, unless it dies. Throws as `assertOurs`. */
  lettingGo(): Promise<void>;
  /** How another process has ended the window; undefined where none has begun to. */
  endElsewhere(spec: WindowSpec): Promise<WindowEnd | undefined>;
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
  /** Where the hold did not hear everything. */
  unheard?: Unheard;
}

/** What is known of a window that is over, whichever process has ended it. */
export type WindowEnd = Omit<WindowOutcome, 'spec'>;

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
      if (standing) tellUnreached(host, spec, standing);
      try {
        await standing?.hold.lastCall(lastCalls);
        const { window, letGo, unheard } = await throughWindow(account, spec, standing, options.guard);
        host.notify({
          level: window.outcome === 'taken' ? 'info' : 'warn',
          code: `window-${window.outcome}`,
          message: `${heldFilters(spec).join(', ')}: ${window.outcome} after ${window.windowMs} ms, ${letGo.reduce((sum, { held }) => sum + held, 0)} publishes held${window.reason ? ` (${window.reason})` : ''}`,
          data: { ...window, letGo },
        });
        if (unheard) tellUnheard(host, spec, unheard);
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
): Promise<WindowEnd> {
  try {
    const window = await runWindow(account, spec, {
      mayGoOn: () => !standing?.hold.overflown,
      onOwner: () => standing?.hold.mark(),
      ...(guard ? { assertOurs: guard.assertOurs } : {}),
    });
    await guard?.lettingGo();
    const letGo = standing ? await endHold(account, standing, spec, window) : [];
    return { window, letGo, ...unheardBy(standing) };
  } catch (error) {
    if (!guard || !isOverruled(error)) throw error;
    const end = await guard.endElsewhere(spec);
    const wasLate = await putRight(account, spec);
    if (!end || error.code !== 'window-elsewhere') throw error;
    // That one had nothing to let go: what came behind its end, only this hold has heard.
    if (!wasLate || !standing) return end;
    const letGo = await endHold(account, standing, spec, end.window);
    return { ...end, letGo, ...unheardBy(standing) };
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

/** What such a server routes right before it knows of the hold, or of the new owner, meets nobody. */
function tellUnreached(host: Host, spec: WindowSpec, { unreached }: StandingHold): void {
  if (unreached.length === 0) return;
  const held = heldFilters(spec).join(', ');
  host.notify({
    level: 'warn',
    code: 'hold-unreached',
    message: `${unreached.join(', ')} cannot be reached from here at the address that the cluster gives: publishes on ${held} through them may meet 503 or get no answer in the window, and have to be tried again`,
    data: { servers: unreached, filters: heldFilters(spec) },
  });
}

/** The window is over without it: a guardian that died in it is to be known of, and no reason to stop. */
const missed = (host: Host, error: unknown): void =>
  host.notify({
    level: 'warn',
    code: 'guardian-gone',
    message: `the second process of the handover is gone: ${messageOf(error)}`,
  });

/** The sentinels of a window that was taken, read from the streams where nobody could write them down. */
export async function sentinelsOf(
  account: JetStreamWriter,
  spec: WindowSpec,
  known: readonly SentinelPlace[],
): Promise<SentinelPlace[]> {
  return known.length === spec.copies.length ? [...known] : readSentinels(account, spec);
}
