import { setTimeout as delay } from 'node:timers/promises';
import { OpsError } from '@aa-ops/topology';
import type { CommandContext } from '../frame/command.ts';
import { formatMs } from '../render/numbers.ts';
import { renderStatus } from '../render/status.ts';
import { withRates } from './rates.ts';
import type { Status } from './readStatus.ts';

/**
 * Looks again and again until it is told to stop, and shows each look as it comes. What cannot be read at a later look (a server that restarts) is
 * shown as what it is, and looked for again.
 */
export async function watchStatus(
  context: CommandContext,
  look: () => Promise<Status>,
  everyMs: number,
): Promise<never> {
  let before: { status: Status; at: Date } | undefined;
  for (;;) {
    const due = performance.now() + everyMs;
    try {
      const status = await look();
      const at = new Date();
      const json = withRates(status, at, before);
      before = { status, at };
      await context.show({
        json,
        text: `${context.paint.dim(headOf(json.at, everyMs))}\n\n${renderStatus(json)}`,
      });
    } catch (error) {
      context.signal.throwIfAborted();
      if (!before || !(error instanceof OpsError)) throw error;
      const { json, text } = context.explain(error);
      const at = new Date().toISOString();
      await context.show({
        json: { ...json, at },
        text: `${context.paint.dim(headOf(at, everyMs))}\n\n${text}`,
      });
    }
    await delay(Math.max(0, due - performance.now()), undefined, { signal: context.signal });
  }
}

const headOf = (at: string, everyMs: number): string => `${at}, every ${formatMs(everyMs)} until Ctrl-C`;
