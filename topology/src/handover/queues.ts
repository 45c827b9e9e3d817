import { setTimeout as delay } from 'node:timers/promises';
import { OpsError } from '../errors.ts';
import type { ConsumerConfig, ConsumerInfo, JetStreamWriter, StreamConfig } from '../jetstream/index.ts';
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

/** A durable's configuration as it was before a run paused it. */
export function unpaused({ pause_until, ...config }: ConsumerConfig): ConsumerConfig {
  const { [PAUSED_KEY]: before, [WORKED_KEY]: _worked, ...metadata } = config.metadata ?? {};
  const until = before === undefined ? pause_until : before;
  return { ...config, metadata, ...(until ? { pause_until: until } : {}) };
}

/**
 * Pauses the durables of work queues, for the time that what they hold is compared. `filters`: only those that read any of them. Each
 * says in its own metadata that it was us, and what it was before: whoever ends the run finds it there. May be repeated.
 */
export async function pauseQueues(
  context: HandoverContext,
  streams: Iterable<string>,
  filters: readonly string[] = ['>'],
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
    const until = pausedFromNow();
    const data = { stream, consumers: consumers.map(({ name }) => name), until };
    await journal.effect('pause-consumers', data, () =>
      Promise.all(consumers.map((consumer) => pause(account, stream, consumer, until))),
    );
  }
}

async function pause(
  account: JetStreamWriter,
  stream: string,
  { name, config, paused }: ConsumerInfo,
  until: string,
): Promise<void> {
  if (config.metadata?.[PAUSED_KEY] === undefined) {
    const before = paused ? (config.pause_until ?? '') : '';
    await account.updateConsumer(stream, {
      ...config,
      name,
      metadata: { ...config.metadata, [PAUSED_KEY]: before },
    });
  }
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

/**
 * The durables that a run has paused, whichever it was, deliver again, or are paused as they were before; copies of what they have worked
 * elsewhere are purged first, since they would begin with them. Only once the copies have been compared. May be repeated.
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
