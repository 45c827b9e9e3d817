import type { StreamInfo } from '../../jetstream/index.ts';
import type { CopyRole } from '../types.ts';
import type { Finding } from './finding.ts';

/** Bytes that a sentinel takes at most: its subject, and what the server stores with it. */
const SENTINEL_BYTES = 512;

const limited = (limit: number | undefined): limit is number => limit !== undefined && limit > 0;

/** A full origin that refuses what is new refuses the window's sentinels as well, one for each of its copies: no window could drain. */
export function checkSentinels(
  copies: readonly CopyRole[],
  { config, state }: Pick<StreamInfo, 'config' | 'state'>,
): Finding[] {
  const sentinels = copies.filter(({ origin }) => origin === config.name).length;
  if (config.discard !== 'new' || sentinels === 0) return [];
  const rows = [
    [state.messages, sentinels, config.max_msgs, 'maxMsgs', 'messages'],
    [state.bytes, sentinels * SENTINEL_BYTES, config.max_bytes, 'maxBytes', 'bytes'],
  ] as const;
  return rows
    .filter(([held, more, limit]) => limited(limit) && held + more > limit)
    .map(([held, more, limit, field, unit]) => ({
      code: 'origin-full',
      severity: 'refuse',
      message: `${config.name} holds ${held} ${unit}, its ${field} is ${limit}, and discard new refuses what comes: a window has to store ${more} ${unit} there`,
      hint: `raise ${field} of ${config.name} to at least ${held + more}, or purge what nobody needs`,
      details: { stream: config.name, held, limit },
    }));
}
