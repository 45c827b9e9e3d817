import { setTimeout as delay } from 'node:timers/promises';
import { OpsError } from '../errors.ts';
import type { ConsumerConfig, JetStreamWriter, StreamConfig } from '../jetstream/index.ts';
import { intersectSets } from '../subjects/sets.ts';
import { PAUSED_KEY, WORKED_KEY } from './names.ts';
import { type Worked, workedElsewhere, writeWorked } from './positions.ts';
import { filtersOf } from './preflight/checkReaders.ts';
import type { HandoverContext } from './types.ts';

/** What a durable acks is gone from such a stream, so that it can only be compared while none of them works. */
export const isQueue = ({ retention }: Pick<StreamConfig, 'retention'>): boolean => retention === 'workqueue';

/**
 * ms that a pause lasts when nobody ends it: long enough for whoever finds a run that was killed at night. Ended by the server
 * meanwhile, the run misses copies and is taken back.
 */
const PAUSE_MS = 24 * 60 * 60 * 1_000;
/** ms for a consumer's leader to have heard of it, and between two looks. */
const HEARD_MS = 10_000;
const POLL_MS = 5;

/** RFC 3339. */
const pausedFromNow = (): string => new Date(Date.now() + PAUSE_MS).toISOString();

/** A durable for its making on a work queue: it begins at everything that stands (10101), once `worked` is purged and its pause ended. */
export function pausedDurable(config: ConsumerConfig, worked: readonly Worked[]): ConsumerConfig {
  const { opt_start_seq: _seq, opt_start_time: _time, pause_until: before = '', ...rest } = config;
  return {
    ...rest,
    deliver_policy: 'all',
    metadata: { ...config.metadata, ...writeWorked(worked), [PAUSED_KEY]: before },
    pause_until: pausedFromNow(),
  };
}

/** A durable that a run has paused, and until when it was paused before (RFC 3339); empty where it was not. JSON-safe. */
export interface PausedDurable {
  stream: string;
  name: string;
  before: string;
}

/** A durable's configuration as it was before a run paused it; `before`: what the run remembers, where the durable does not say it itself. */
export function unpaused({ pause_until, ...config }: ConsumerConfig, before = pause_until): ConsumerConfig {
  const { [PAUSED_KEY]: until = before, [WORKED_KEY]: _worked, ...metadata } = config.metadata ?? {};
  return { ...config, metadata, ...(until ? { pause_until: until } : {}) };
}

/**
 * Pauses the durables of work queues, for the time that what they hold is compared. `filters`: only those that read any of them. What they were
 * is handed to `remember` before, but for those that a run has made paused, which say it themselves. May be repeated.
 */
export async function pauseQueues(
  context: HandoverContext,
  streams: Iterable<string>,
  filters: readonly string[],
  remember: (paused: readonly PausedDurable[]) => Promise<void>,
): Promise<void> {
  const { account, journal } = context;
  for (const stream of new Set(streams)) {
    const info = await account.stream(stream);
    if (!info || !isQueue(info.config)) continue;
    // Sources read through consumers of the server's own, which are listed as well.
    const consumers = (await account.listConsumers(stream)).filter(
      ({ config }) =>
        config.durable_name &&
        !config.direct &&
        !config.sourcing &&
        intersectSets(filtersOf(config), filters).length > 0,
    );
    if (consumers.length === 0) continue;
    await remember(
      consumers
        .filter(({ config }) => config.metadata?.[PAUSED_KEY] === undefined)
        .map(({ name, config, paused }) => ({
          stream,
          name,
          before: paused ? (config.pause_until ?? '') : '',
        })),
    );
    const until = pausedFromNow();
    const data = { stream, consumers: consumers.map(({ name }) => name), until };
    await journal.effect('pause-consumers', data, () =>
      Promise.all(consumers.map(({ name }) => pause(account, stream, name, until))),
    );
  }
}

async function pause(account: JetStreamWriter, stream: string, name: string, until: string): Promise<void> {
  await account.pauseConsumer(stream, name, until);
  // A cluster's answer says that it was agreed upon, not that the consumer's leader has heard.
  const deadline = performance.now() + HEARD_MS;
  while (!(await account.consumer(stream, name))?.paused) {
    if (performance.now() > deadline)
      throw new OpsError('consumer-not-paused', `${stream} > ${name} goes on delivering`, {
        hint: 'is the consumer without a leader? check the cluster, then run the command again',
        details: { stream, consumer: name },
      });
    await delay(POLL_MS);
  }
}

/** Durables deliver again, or are paused as they were before; those that were made anew meanwhile are left to `resumeQueues`. May be repeated. */
export async function resumeDurables(
  { account, journal }: HandoverContext,
  paused: readonly PausedDurable[],
): Promise<void> {
  for (const { stream, name, before } of paused) {
    const info = await account.consumer(stream, name);
    if (!info || info.config.metadata?.[PAUSED_KEY] !== undefined) continue;
    await journal.effect('resume-consumer', { stream, consumer: name, before }, () =>
      account.pauseConsumer(stream, name, before || undefined),
    );
  }
}

/**
 * The durables that a run has made paused, whichever it was, deliver; copies of what they have worked elsewhere are purged first, since they would
 * begin with them. Only once the copies have been compared. May be repeated.
 */
export async function resumeQueues(context: HandoverContext, streams: Iterable<string>): Promise<void> {
  const { account, journal } = context;
  for (const stream of new Set(streams)) {
    const info = await account.stream(stream);
    if (!info || !isQueue(info.config)) continue;
    for (const { name, config } of await account.listConsumers(stream)) {
      const before = config.metadata?.[PAUSED_KEY];
      if (before === undefined) continue;
      const purged = workedElsewhere(config);
      await journal.effect('resume-consumer', { stream, consumer: name, before, purged }, async () => {
        for (const { filter, belowSeq } of purged) await account.purge(stream, filter, belowSeq);
        await account.pauseConsumer(stream, name, before || undefined);
        await account.updateConsumer(stream, { ...unpaused(config), name });
      });
    }
  }
}
