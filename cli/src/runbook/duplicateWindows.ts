import { setTimeout as delay } from 'node:timers/promises';
import { LEAST_DUPLICATE_WINDOW, nsToMs } from '@aa-ops/topology';
import type { RunContext } from './context.ts';

/**
 * Where a backlog holds one id more than once (topology's `readBacklog`), the target's duplicate window is at its least
 * until the backlog is copied.
 */
export async function relaxDuplicateWindows(context: RunContext, streams: Iterable<string>): Promise<void> {
  const { account, run } = context;
  for (const stream of streams) {
    const info = await account.stream(stream);
    if (!info || info.config.duplicate_window === LEAST_DUPLICATE_WINDOW) continue;
    run.relaxed[stream] ??= info.config.duplicate_window ?? 0;
    await context.save();
    await context.journal.effect('relax-duplicate-window', { stream, before: run.relaxed[stream] }, () =>
      account.updateStream({ ...info.config, duplicate_window: LEAST_DUPLICATE_WINDOW }),
    );
  }
}

/** Puts the windows back, and waits one of them out: a publisher's retry must be recognised on the other side too. */
export async function restoreDuplicateWindows(context: RunContext, wait: boolean): Promise<void> {
  const { account, run } = context;
  for (const [stream, window] of Object.entries(run.relaxed)) {
    const info = await account.stream(stream);
    if (info && info.config.duplicate_window !== window) {
      await context.journal.effect('restore-duplicate-window', { stream, window }, () =>
        account.updateStream({ ...info.config, duplicate_window: window }),
      );
    }
  }
  const longest = Math.max(0, ...Object.values(run.relaxed));
  if (wait && longest > 0) {
    context.host.notify({
      level: 'info',
      code: 'duplicate-window',
      message: `repeated message ids were copied: waiting ${nsToMs(longest) / 1000} s until retries are recognised again`,
    });
    await delay(nsToMs(longest), undefined, { signal: context.signal });
  }
  run.relaxed = {};
  await context.save();
}
