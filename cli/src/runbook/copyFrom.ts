import { type CopyFrom, nsToMs, OpsError, parseDuration } from '@aa-ops/topology';

/** Reads `--copy`: `unacked` (what a moving durable has not worked), `all`, or `since=DURATION`. */
export function parseCopyFrom(text: string): CopyFrom {
  if (text === 'unacked' || text === 'all') return text;
  const since = /^since=(.+)$/.exec(text)?.[1];
  const ns = since === undefined ? undefined : parseDuration(since);
  if (ns !== undefined) return { sinceMs: Date.now() - nsToMs(ns) };
  throw new OpsError('usage', `--copy ${text} is none of unacked, all, since=DURATION`, {
    kind: 'usage',
    hint: 'for example --copy since=2h',
  });
}
