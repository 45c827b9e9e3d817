import {
  closedConfig,
  durableFrom,
  isQueue,
  pausedDurable,
  placeholderSubject,
  RESERVED_PREFIX,
  STAND_IN_RUN,
  type StreamConfig,
  type StreamInfo,
  trialOf,
  unpaused,
} from '@aa-ops/topology';
import type { RunContext } from '../context.ts';
import { durablesOf } from './planReplace.ts';

/**
 * Makes the new stream and its durables under a throw-away name, and takes them away again: what the server refuses of them is refused while the
 * old one stands. Throws JetStreamError; `endTrial` takes away what is left then.
 */
export async function tryConfig(context: RunContext, live: StreamInfo): Promise<void> {
  const { account, journal, run } = context;
  const config = trialConfig(live.config, run.replacing!.config as StreamConfig, run.id);
  await endTrial(context);
  await journal.effect('create-stream', { config }, () => account.createStream(config));
  for (const { config: durable } of durablesOf(await account.listConsumers(live.config.name))) {
    const anew = durableFrom(unpaused(durable), 1);
    // Nobody listens there, so that it says nothing to those who work.
    if (anew.deliver_subject) anew.deliver_subject = `${RESERVED_PREFIX}trial.${run.id}`;
    await account.createConsumer(config.name, isQueue(config) ? pausedDurable(anew, []) : anew);
  }
  await endTrial(context);
}

/** Takes this run's trial away, where one is left. It never holds a message. */
export async function endTrial({ account, journal, run }: RunContext): Promise<void> {
  const stream = trialOf(run.replacing!.stream);
  const info = await account.stream(stream);
  if (info?.config.metadata?.[STAND_IN_RUN] !== run.id) return;
  await journal.effect('delete-stream', { stream, before: info }, () => account.deleteStream(stream));
}

/** What the old stream has reserved is free again once the new one is made: only what that needs beyond it is tried. */
function trialConfig(live: StreamConfig, config: StreamConfig, run: string): StreamConfig {
  const name = trialOf(config.name);
  const anew = closedConfig(config);
  return {
    ...anew,
    name,
    subjects: [placeholderSubject(name)],
    metadata: { ...anew.metadata, [STAND_IN_RUN]: run },
    ...((anew.max_bytes ?? 0) > 0 ? { max_bytes: Math.max(1, newlyReserved(live, anew)) } : {}),
  };
}

/** Bytes that a stream made anew reserves beyond what it has reserved before. */
export const newlyReserved = (live: StreamConfig, anew: StreamConfig): number => {
  const freed = (live.storage ?? 'file') === (anew.storage ?? 'file') ? Math.max(0, live.max_bytes ?? 0) : 0;
  return Math.max(0, Math.max(0, anew.max_bytes ?? 0) - freed);
};
