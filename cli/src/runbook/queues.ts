import {
  type Copy,
  isQueue,
  lasting,
  pausedDurable,
  pauseQueues,
  resumeDurables,
  resumeQueues,
} from '@aa-ops/topology';
import { handoverContext, type RunContext } from './context.ts';

/** Pauses what delivers from those of some streams that are work queues (adr/0017); what it was before is stored first. */
export const pauseQueuesOf = (
  context: RunContext,
  streams: Iterable<string>,
  filters: readonly string[] = ['>'],
): Promise<void> =>
  pauseQueues(handoverContext(context), streams, filters, async (found) => {
    const known = (context.run.paused ??= []);
    const isNew = found.filter(
      ({ stream, name }) => !known.some((one) => one.stream === stream && one.name === name),
    );
    if (isNew.length === 0) return;
    known.push(...isNew);
    await context.save();
  });

/** All of them deliver again, and those that were made paused begin. Only once everything was compared. May be repeated. */
export async function endPauses(context: RunContext): Promise<void> {
  const { run, topology } = context;
  const engine = handoverContext(context);
  await resumeDurables(engine, run.paused ?? []);
  await resumeQueues(engine, Object.keys(topology.streams));
  delete run.paused;
  await context.save();
}

/**
 * Each durable that a queue will have in the mode that the run goes to stands before anything is copied there, paused: what nobody claims may
 * be taken from a queue. A `replace` makes its durables itself, on a stream that nobody has read from.
 */
export async function claimTargets(context: RunContext, copies: readonly Copy[]): Promise<void> {
  const { account, journal, run, topology } = context;
  if (run.command === 'replace') return;
  for (const target of new Set(copies.map((copy) => copy.target))) {
    const info = await account.stream(target);
    if (!info || !isQueue(info.config)) continue;
    for (const [name, { stream, fields }] of Object.entries(topology.modes[run.to]!.consumers)) {
      if (stream !== target || (await account.consumer(target, name))) continue;
      const config = pausedDurable(
        { ...lasting({ ...topology.consumers[name], ...fields }), durable_name: name },
        [],
      );
      await journal.effect('create-consumer', { stream, config }, () =>
        account.createConsumer(stream, config),
      );
    }
  }
}
