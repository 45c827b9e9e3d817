import { type ConsumerConfig, durableFrom, endKeeping, firstUnacked } from '@aa-ops/topology';
import { handoverContext, type RunContext } from '../context.ts';
import { keepAll } from '../keeping.ts';
import { requireStream } from './planReplace.ts';
import { staleError } from './stale.ts';

/** A durable's place is stored before it goes; what it had acked above its floor comes once more. What only it still wants is kept meanwhile. */
export async function recreateDurable(context: RunContext): Promise<{ note: string }> {
  const { account, run } = context;
  const replacing = run.replacing!;
  const { stream } = replacing;
  const name = replacing.durable!;
  await keepAll(context, [stream]);
  const standing = await account.consumer(stream, name);
  if (standing && standing.created === replacing.created) await takeAway(context, standing);
  // Its place is stored right before it goes: without one, this run has not deleted it.
  else if (replacing.durables.length === 0) throw staleError(replacing);
  const [place] = replacing.durables;
  await create(context, replacing.config as ConsumerConfig);
  await endKeeping(handoverContext(context), stream);
  return { note: `${stream} > ${name} goes on at ${place?.from}` };
}

/** What is refused, or given up, leaves the durable as it was: made anew where it stood if it has gone, or where the new one has come to. */
export async function restoreDurable(context: RunContext): Promise<void> {
  const { account, run } = context;
  const { stream, durable, created, durables } = run.replacing!;
  const standing = await account.consumer(stream, durable!);
  if (standing?.created !== created && durables.length > 0) {
    await keepAll(context, [stream]);
    if (standing) await takeAway(context, standing);
    await create(context, durables[0]!.config);
  }
  await endKeeping(handoverContext(context), stream);
}

type Standing = NonNullable<Awaited<ReturnType<RunContext['account']['consumer']>>>;

/** The first configuration that is written down is the one that may have to be put back. */
async function takeAway(context: RunContext, standing: Standing): Promise<void> {
  const { account, journal, run } = context;
  const replacing = run.replacing!;
  const { stream } = replacing;
  const before = replacing.durables[0]?.config ?? standing.config;
  replacing.durables = [{ config: before, from: firstUnacked(standing) }];
  await context.save();
  await journal.effect('delete-consumer', { stream, before: standing }, () =>
    account.deleteConsumer(stream, standing.name),
  );
}

async function create(context: RunContext, wanted: ConsumerConfig): Promise<void> {
  const { account, journal, run } = context;
  const { stream, durable, durables } = run.replacing!;
  const config = durableFrom(wanted, durables[0]?.from ?? 1);
  const { retention } = (await requireStream(account, stream)).config;
  // A work queue keeps what is not acked, and lets nobody begin elsewhere (10101).
  if (retention === 'workqueue') {
    config.deliver_policy = 'all';
    delete config.opt_start_seq;
  }
  if (await account.consumer(stream, durable!)) return;
  await journal.effect('create-consumer', { stream, config }, () => account.createConsumer(stream, config));
}
