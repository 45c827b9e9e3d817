import { setTimeout as delay } from 'node:timers/promises';
import type { ConnectSettings, JetStreamWriter } from '../jetstream/index.ts';
import type { WindowEnd } from './handOver.ts';
import { endHold, holdFor, type StandingHold } from './standingHold.ts';
import { unheardBy } from './unheard.ts';
import { type AssertOurs, runWindow } from './window.ts';
import { readWindow, type WindowSpec } from './windowSpec.ts';

/**
 * Ends a window whose process died in it: forward where anything was released or taken, else there is nothing to do. May
 * be called by several processes; the guard brings its own hold, which has heard everything since before the release.
 */
export async function recoverWindow(
  account: JetStreamWriter,
  settings: ConnectSettings,
  spec: WindowSpec,
  options: { standing?: StandingHold | undefined; watchMs?: number; assertOurs?: AssertOurs } = {},
): Promise<WindowEnd> {
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
  const holding = options.standing ?? (await holdFor(account, settings, spec, { owned: false }));
  try {
    const { assertOurs = async () => {} } = options;
    const window = await runWindow(account, spec, { mayGoOn: () => !holding?.hold.overflown, assertOurs });
    await assertOurs('owner');
    const letGo = holding ? await endHold(account, holding, spec, window) : [];
    return { window, letGo, ...unheardBy(holding) };
  } finally {
    await holding?.close();
  }
}

/** ms for which a release that a dead process had sent may still arrive at a server that has taken up all that waited there. */
const LATE_RELEASE_MS = 500;
const POLL_MS = 20;

/**
 * Waits for what the dead process had asked for: a server that stood still answers what it is asked before it takes up an update that came earlier,
 * and a second update beside one that is at work would be one too many.
 */
async function wasTouched(account: JetStreamWriter, spec: WindowSpec, watchMs: number): Promise<boolean> {
  const throughUpdates = (): Promise<unknown> =>
    Promise.all(spec.streams.map(({ stream }) => account.afterUpdates(stream)));
  await throughUpdates();
  const deadline = performance.now() + watchMs;
  for (let isFirst = true; ; isFirst = false) {
    const isLast = performance.now() > deadline; // what is asked before may be answered from before
    const states = await readWindow(account, spec);
    if (states.some(({ stands }) => stands === 'released' || stands === 'taken' || stands === 'final')) {
      if (!isFirst) await throughUpdates();
      return true;
    }
    if (isLast) return false;
    await delay(POLL_MS);
  }
}
