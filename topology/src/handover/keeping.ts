import { setTimeout as delay } from 'node:timers/promises';
import { OpsError } from '../errors.ts';
import type { ConsumerConfig, ConsumerInfo, StreamConfig, StreamInfo } from '../jetstream/index.ts';
import { ownRetention, RETENTION_KEY } from './names.ts';
import type { HandoverContext } from './types.ts';

/** A durable of ours that reads everything of a stream and acks nothing: while it stands, a stream with retention `interest` keeps everything. */
const KEEPER = 'aa-ops-keeper';

export const isKeeper = ({ name }: Pick<ConsumerInfo, 'name'>): boolean => name === KEEPER;

/** Whether a stream with retention `interest` is made to keep everything by a keeper: with replicas, else by its retention (adr/0023). */
export const takesKeeper = (config: Pick<StreamConfig, 'retention' | 'num_replicas'>): boolean =>
  config.retention === 'interest' && (config.num_replicas ?? 1) > 1;

/** Whether a run has had it keep everything, and has not ended that: it owns nothing, and a later run goes on behind its copies. */
export const isKept = ({ config }: Pick<StreamInfo, 'config'>, consumers: readonly ConsumerInfo[]): boolean =>
  config.metadata?.[RETENTION_KEY] !== undefined || consumers.some(isKeeper);

/** ms for every replica of a stream to have its keeper, and between two looks. */
const EVERYWHERE_MS = 30_000;
const POLL_MS = 20;

const KEEPER_CONFIG: ConsumerConfig = {
  durable_name: KEEPER,
  description: 'aa-ops: keeps every message while subjects are handed over; goes when the run ends',
  ack_policy: 'explicit',
  deliver_policy: 'all',
};

/**
 * A stream with retention `interest` keeps everything from here on: copies can be compared, no message goes before its durable stands, and the
 * window's sentinel is stored although nobody reads it. The stream itself shows what it was, whoever ends the run. Throws OpsError `keeper-missing`.
 * May be repeated; other streams are left alone.
 */
export async function keepEverything(
  context: HandoverContext,
  stream: string,
  forMs = EVERYWHERE_MS,
): Promise<void> {
  const config = (await context.account.stream(stream))?.config;
  if (config?.retention !== 'interest') return;
  if (takesKeeper(config)) return makeKeeper(context, config, forMs);
  const metadata = { ...config.metadata, [RETENTION_KEY]: 'interest' };
  await setRetention(context, { ...config, retention: 'limits', metadata });
}

/** Each replica decides by itself what nobody wants any more, so every one has to have the keeper. */
async function makeKeeper(
  { account, journal, signal }: HandoverContext,
  { name: stream, num_replicas }: StreamConfig,
  forMs: number,
): Promise<void> {
  if (!(await account.consumer(stream, KEEPER)))
    await journal.effect('keep-everything', { stream, consumer: KEEPER }, () =>
      account.createConsumer(stream, KEEPER_CONFIG),
    );
  const deadline = performance.now() + forMs;
  for (;;) {
    const lacking = withoutIt(await account.consumer(stream, KEEPER), num_replicas);
    if (lacking.length === 0) return;
    if (performance.now() > deadline) throw missing(stream, lacking);
    await delay(POLL_MS, undefined, { signal });
  }
}

/** Replicas that are not known to have a consumer, the leader's aside. */
function withoutIt(keeper: ConsumerInfo | undefined, replicas = 1): string[] {
  if (!keeper) return ['its leader'];
  const others = keeper.cluster?.replicas ?? [];
  const lacking = others.filter(({ current, offline }) => !current || offline).map(({ name }) => name);
  return others.length < replicas - 1 ? [...lacking, 'a replica that is not named'] : lacking;
}

const missing = (stream: string, lacking: readonly string[]): OpsError =>
  new OpsError(
    'keeper-missing',
    `${stream} has retention interest, and ${lacking.join(', ')} cannot be told to keep what is handed over`,
    {
      hint: 'a replica that hears of it late drops what the others keep: bring its server back, then run the command again',
      details: { stream, lacking },
    },
  );

/** From here on a stream keeps again what its own durables want, and no more: the server drops what each has acked, and what none reads. May be repeated. */
export async function endKeeping(context: HandoverContext, stream: string): Promise<void> {
  const { account, journal } = context;
  const config = (await account.stream(stream))?.config;
  if (config?.metadata?.[RETENTION_KEY]) {
    const { [RETENTION_KEY]: _was, ...metadata } = config.metadata;
    await setRetention(context, { ...config, retention: ownRetention(config), metadata });
  }
  // Wherever it stands: replicas or retention may have been changed since it was made, and it acks nothing.
  if (config && (await account.consumer(stream, KEEPER)))
    await journal.effect('end-keeping', { stream, consumer: KEEPER }, () =>
      account.deleteConsumer(stream, KEEPER),
    );
}

const setRetention = ({ account, journal }: HandoverContext, config: StreamConfig): Promise<unknown> =>
  journal.effect(
    'set-retention',
    { stream: config.name, retention: config.retention, metadata: config.metadata },
    () => account.updateStream(config),
  );
