import { setTimeout as delay } from 'node:timers/promises';
import { OpsError } from '../errors.ts';
import type { ConsumerConfig, ConsumerInfo } from '../jetstream/index.ts';
import type { HandoverContext } from './types.ts';

/** A durable of ours that reads everything of a stream with retention `interest` and acks nothing: while it stands, the stream keeps everything. */
const KEEPER = 'aa-ops-keeper';

export const isKeeper = ({ name }: Pick<ConsumerInfo, 'name'>): boolean => name === KEEPER;

/** ms for every replica of a stream to have it, and between two looks. */
const EVERYWHERE_MS = 30_000;
const POLL_MS = 20;

const config: ConsumerConfig = {
  durable_name: KEEPER,
  description: 'aa-ops: keeps every message while subjects are handed over; goes when the run ends',
  ack_policy: 'explicit',
  deliver_policy: 'all',
};

/**
 * A stream with retention `interest` keeps everything from here on: copies can be compared, no message goes before its durable stands, and the
 * window's sentinel is stored although nobody reads it. Each replica decides by itself what nobody wants any more, so every one has to have the
 * keeper first. Throws OpsError `keeper-missing`. May be repeated; other streams are left alone.
 */
export async function keepEverything(
  context: HandoverContext,
  stream: string,
  forMs = EVERYWHERE_MS,
): Promise<void> {
  const { account, journal, signal } = context;
  const info = await account.stream(stream);
  if (info?.config.retention !== 'interest') return;
  if (!(await account.consumer(stream, KEEPER)))
    await journal.effect('keep-everything', { stream, consumer: KEEPER }, () =>
      account.createConsumer(stream, config),
    );
  const deadline = performance.now() + forMs;
  for (;;) {
    const lacking = withoutIt(await account.consumer(stream, KEEPER), info.config.num_replicas);
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

/** From here on a stream keeps again what its own durables want, and no more. May be repeated. */
export async function endKeeping({ account, journal }: HandoverContext, stream: string): Promise<void> {
  const info = await account.stream(stream);
  if (info?.config.retention !== 'interest') return;
  if (!(await account.consumer(stream, KEEPER))) return;
  await journal.effect('end-keeping', { stream, consumer: KEEPER }, () =>
    account.deleteConsumer(stream, KEEPER),
  );
}
