import { setTimeout as pause } from 'node:timers/promises';
import { formatCount, formatMs } from '../render/numbers.ts';
import {
  identifyByHeader,
  type Identify,
  openSenders,
  startSenders,
  type Traffic,
} from '../traffic/index.ts';
import type { DemoPlatform } from './demoPlatform.ts';
import { openDoorSender } from './doorSender.ts';
import { identifyHrvEvent, readHrvValues } from './hrvEvents.ts';
import { ownerOf } from './drain.ts';
import { directPublishers, HRV_SUBJECT } from './publishers.ts';
import { openRowReader, type RowReader } from './rows.ts';
import type { View } from './view.ts';

/** The demo's publishers at work, and what tells how they do. */
export interface DemoTraffic {
  traffic: Traffic;
  reader: RowReader;
  values: readonly number[];
  identify: Identify;
  /** Shows the last counts, and nothing more. */
  unwatch(): Promise<void>;
}

export async function startDemoTraffic(
  platform: DemoPlatform,
  { ratePerSecond, view, signal }: { ratePerSecond: number; view: View; signal: AbortSignal },
): Promise<DemoTraffic> {
  const { settings, local } = platform;
  const values = readHrvValues();
  const reader = await openRowReader(local.databaseUrl);
  try {
    const senders = await openSenders(settings, directPublishers(ratePerSecond, values));
    const door = openDoorSender(local.frontDoor, ratePerSecond, values);
    const traffic = startSenders([door, ...senders], { signal });
    const byHeader = identifyByHeader(traffic.ledger.run);
    return {
      traffic,
      reader,
      values,
      // What came through the front door has no header of ours.
      identify: (message) => byHeader(message) ?? identifyHrvEvent(message.data),
      unwatch: watch(platform, traffic, reader, view),
    };
  } catch (error) {
    await reader.close();
    throw error;
  }
}

const LOOK_EVERY_MS = 250;

/** Tells the view how the traffic does, until it is told to stop; then once more. */
function watch(platform: DemoPlatform, traffic: Traffic, reader: RowReader, view: View): () => Promise<void> {
  const stop = new AbortController();
  const look = async (): Promise<void> => {
    const [rows, owner] = await Promise.all([
      reader.count().then(formatCount, () => '?'),
      ownerOf(platform, HRV_SUBJECT).catch(() => '?'),
    ]);
    const { sent, acked, refused, unanswered } = traffic.counts();
    view.traffic(
      [
        `sent ${formatCount(sent)}`,
        `acked ${formatCount(acked)}`,
        `refused ${refused + unanswered}`,
        `rows ${rows}`,
        `HRV events are owned by ${owner ?? 'nobody'}`,
        `longest wait ${formatMs(traffic.ledger.longestWaitMs())}`,
      ].join(' · '),
    );
  };
  const watching = (async () => {
    for (let last = false; !last;) {
      last = stop.signal.aborted;
      await look();
      await pause(LOOK_EVERY_MS, undefined, { signal: stop.signal }).catch(() => {});
    }
  })();
  return () => {
    stop.abort();
    return watching;
  };
}
