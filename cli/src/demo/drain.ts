import { setTimeout as pause } from 'node:timers/promises';
import { covers } from '@aa-ops/topology';
import { formatMs } from '../render/numbers.ts';
import { liveOwnership } from '../runbook/context.ts';
import type { Ledger } from '../traffic/index.ts';
import { deadLetterStream } from './deadLetters.ts';
import type { DemoPlatform } from './demoPlatform.ts';
import { BROKEN, HRV_SUBJECT } from './publishers.ts';

/** How long normalize may take for what it has not worked yet once the traffic has stopped, ms. */
const DRAIN_MS = 30_000;

/** The stream that hears a subject right now. */
export async function ownerOf(
  { account, topology }: DemoPlatform,
  subject: string,
): Promise<string | undefined> {
  const owners = Object.entries(await liveOwnership(account, topology));
  return owners.find(([, subjects]) => covers(subjects, subject))?.[0];
}

/** Waits until normalize has nothing left to work, and every broken event is a dead letter. Answers what it waited for in vain. */
export async function untilDrained(
  platform: DemoPlatform,
  ledger: Ledger,
  signal: AbortSignal,
): Promise<string[]> {
  const deadline = performance.now() + DRAIN_MS;
  for (;;) {
    signal.throwIfAborted();
    const left = [...(await unworked(platform)), ...(await lettersToCome(platform, ledger))];
    if (left.length === 0) return [];
    if (performance.now() > deadline) return left.map((what) => `${what} after ${formatMs(DRAIN_MS)}`);
    await pause(50);
  }
}

async function unworked(platform: DemoPlatform): Promise<string[]> {
  const { account, topology } = platform;
  const stream = await ownerOf(platform, HRV_SUBJECT);
  if (stream === undefined) return [`nobody owns ${HRV_SUBJECT}`];
  const left: string[] = [];
  for (const name of Object.keys(topology.consumers)) {
    const info = await account.consumer(stream, name);
    const count = info ? info.num_pending + info.num_ack_pending : 0;
    if (count > 0) left.push(`${name} on ${stream} has ${count} messages left`);
  }
  return left;
}

async function lettersToCome({ account, topology }: DemoPlatform, ledger: Ledger): Promise<string[]> {
  const broken = ledger.book(BROKEN)?.counts().acked ?? 0;
  const stream = deadLetterStream(topology, topology.environment.initialMode);
  const counts = stream ? await account.subjectCounts(stream, 'dlq.>') : new Map<string, number>();
  const dead = [...counts.values()].reduce((sum, count) => sum + count, 0);
  return dead < broken ? [`${dead} of ${broken} broken events are dead letters`] : [];
}
