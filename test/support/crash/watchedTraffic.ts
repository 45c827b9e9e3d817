import { performance } from 'node:perf_hooks';
import type { ConnectSettings } from '@aa-ops/topology';
import {
  openSenders,
  type PublisherSpec,
  type Sender,
  startSenders,
  type Traffic,
} from '../../../cli/src/traffic/index.ts';

/** What publishers met in a stretch of time, ms. */
export interface Met {
  /** From the first refused publish to the last one. */
  refusedMs: number;
  refused: number;
  unanswered: number;
  /** The longest that a publish which was stored has waited. */
  longestWaitMs: number;
}

/** A publish that was stored: from its sending to its answer, `performance.now()`. */
export interface Stored {
  sentAt: number;
  answeredAt: number;
}

export interface WatchedTraffic extends Traffic {
  /** What was stored since the last call. */
  stored(): Stored[];
  /** When those publishes were sent that got no answer, `performance.now()`. */
  unanswered(): readonly number[];
  /** Since the last call, and begins anew. */
  met(): Met;
}

/** Publishers whose answers are looked at as they come: how long they were refused, and how long they waited. */
export async function startWatchedTraffic(
  settings: ConnectSettings,
  specs: readonly PublisherSpec[],
): Promise<WatchedTraffic> {
  const nothing = { refused: 0, unanswered: 0, longestWaitMs: 0, first: 0, last: 0 };
  let seen = { ...nothing };
  let stored: Stored[] = [];
  const unanswered: number[] = [];
  const watched = (sender: Sender): Sender => ({
    ...sender,
    async send(message) {
      const sentAt = performance.now();
      const outcome = await sender.send(message);
      const now = performance.now();
      if (outcome.status === 'stored') {
        stored.push({ sentAt, answeredAt: now });
        seen.longestWaitMs = Math.max(seen.longestWaitMs, now - sentAt);
      }
      if (outcome.status === 'unanswered') {
        seen.unanswered += 1;
        unanswered.push(sentAt);
      }
      if (outcome.status === 'refused') {
        if (seen.refused === 0) seen.first = sentAt;
        seen.refused += 1;
        seen.last = now;
      }
      return outcome;
    },
  });
  const traffic = startSenders((await openSenders(settings, specs)).map(watched));
  return {
    ...traffic,
    stored() {
      const all = stored;
      stored = [];
      return all;
    },
    unanswered: () => unanswered,
    met() {
      const { first, last, refused, unanswered, longestWaitMs } = seen;
      seen = { ...nothing };
      return { refusedMs: last - first, refused, unanswered, longestWaitMs };
    },
  };
}
