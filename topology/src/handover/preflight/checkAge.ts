import type { JetStreamReader, StreamInfo } from '../../jetstream/index.ts';
import { formatDuration, nsToMs } from '../../units/index.ts';
import { firstUnacked, type Mover, readsOf } from '../positions.ts';
import { firstOn } from '../reads.ts';
import { findTwin } from '../twins.ts';
import type { Copy, PairMemory } from '../types.ts';
import type { Finding } from './finding.ts';

/**
 * Durables that are further behind than their target keeps a message. Copies get a new age, so what is copied lives as
 * long as maxAge again; but one that goes on working as far behind as now loses what comes next, and nothing would say
 * so. What the target holds already keeps the age that it has there. A way back only warns: it may be all that is left to do.
 */
export async function checkAge(
  account: JetStreamReader,
  copy: Copy,
  movers: readonly Mover[],
  origin: StreamInfo,
  target: Pick<StreamInfo, 'config'>,
  wayBack: boolean,
  memory: PairMemory,
): Promise<Finding[]> {
  const maxAge = target.config.max_age ?? 0;
  const moving = movers.filter(({ from, to }) => from.stream_name === copy.origin && to === copy.target);
  if (maxAge === 0 || moving.length === 0) return [];
  const now = origin.ts === undefined ? Date.now() : Date.parse(origin.ts);
  const found = await Promise.all(
    moving.map(async ({ name, from }): Promise<Finding[]> => {
      const message = await firstOn(account, copy.origin, firstUnacked(from), readsOf(from, copy.filters));
      if (!message) return [];
      const pair = { losing: copy.origin, gaining: copy.target };
      const twin = message.seq < copy.startSeq && (await findTwin(account, pair, message, memory));
      const { time } = twin && 'time' in twin ? twin : message;
      const lagMs = now - Date.parse(time);
      if (lagMs <= nsToMs(maxAge)) return [];
      return [
        {
          code: 'target-max-age',
          severity: wayBack ? 'warn' : 'refuse',
          message: `${name} is ${seconds(lagMs)} behind on ${copy.origin} (message ${message.seq}), ${copy.target} deletes messages after ${formatDuration(maxAge)}: what it does not work in time is lost`,
          hint: `let ${name} work off ${copy.origin} first, or raise maxAge of ${copy.target}`,
          details: { durable: name, sequence: message.seq, lagMs, maxAgeMs: nsToMs(maxAge) },
        },
      ];
    }),
  );
  return found.flat();
}

/** Whole seconds as a duration: `25h`, `90s`. */
const seconds = (ms: number): string => formatDuration(Math.max(1, Math.round(ms / 1_000)) * 1e9);
