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
  /** Shows nothing more. */
  unwatch(): void;
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

/** Tells the view how the traffic does, until it is told to stop. */
function watch(platform: DemoPlatform, traffic: Traffic, reader: RowReader, view: View): () => void {
  let watching = true;
  let timer: NodeJS.Timeout;
  const look = async (): Promise<void> => {
    const [rows, owner] = await Promise.all([
      reader.count().catch(() => '?'),
      ownerOf(platform, HRV_SUBJECT).catch(() => '?'),
    ]);
    if (!watching) return;
    const { sent, acked, refused, unanswered } = traffic.counts();
    view.traffic(
      [
        `sent ${formatCount(sent)}`,
        `acked ${formatCount(acked)}`,
        `refused ${refused + unanswered}`,
        `rows ${typeof rows === 'number' ? formatCount(rows) : rows}`,
        `HRV events are owned by ${owner ?? 'nobody'}`,
        `longest wait ${formatMs(traffic.ledger.longestWaitMs())}`,
      ].join(' · '),
    );
    timer = setTimeout(() => void look(), LOOK_EVERY_MS);
  };
  void look();
  return () => {
    watching = false;
    clearTimeout(timer);
  };
}
