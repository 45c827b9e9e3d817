import {
  type ConsumerConfig,
  type ConsumerFields,
  lasting,
  liveConsumer,
  moveConsumer,
  readLive,
} from '@aa-ops/topology';
import { handoverContext, type RunContext } from '../context.ts';
import { moversOf } from '../movers.ts';
import { catchUpRound, copiesOf, roundsOf } from '../rounds.ts';
import type { Step } from '../step.ts';

/** Once the copy has caught up, each durable is made where it will be read, at the first message it has not worked. */
export const consumersStep: Step = {
  id: 'consumers',
  title: 'Catch up, make the consumers',
  runbook: 'Pre-Deployment, Step 3: Create Consumers',
  async run(context) {
    const { topology, run, account } = context;
    const engine = handoverContext(context);
    const [first = [], ...others] = roundsOf(context);
    await catchUpRound(context, first);
    const copies = { standing: copiesOf(first), later: copiesOf(others.flat()) };
    const all = copiesOf(run.groups);
    const memory = await context.store.memory();
    const live = await readLive(account, topology);
    const movers = moversOf(topology, run.from, run.to, live);
    const notes: string[] = [];
    for (const [name, { stream, fields }] of Object.entries(topology.modes[run.to]!.consumers)) {
      const wanted = { ...topology.consumers[name], ...fields };
      const mover = movers.find((one) => one.name === name);
      const from = mover?.from.stream_name;
      if (from && all.some(({ origin, target }) => origin === from && target === stream)) {
        const moved = await moveConsumer(
          engine,
          { name, from, to: stream, fields: wanted, ...pausedBefore(context, from, name) },
          copies,
          memory,
          run.id,
        );
        run.consumers = [...run.consumers.filter((one) => one.name !== name), moved];
        notes.push(`${name}: ${moved.from} ${moved.ackFloor} -> ${moved.to} ${moved.startSequence}`);
      } else if (!liveConsumer(live, stream, name)) {
        await createAsDeclared(context, stream, name, wanted);
        notes.push(`${name}: made on ${stream}`);
      }
    }
    return notes.length > 0 ? { note: notes.join('; ') } : { status: 'already' };
  },
};

/** What a work queue's durable was before this run paused it, or the one that it turns round. */
function pausedBefore({ run }: RunContext, stream: string, name: string): { pausedBefore?: string } {
  const known = run.paused?.find((one) => one.stream === stream && one.name === name);
  return known ? { pausedBefore: known.before } : {};
}

/** One that never stood anywhere has no position to keep. */
async function createAsDeclared(
  context: RunContext,
  stream: string,
  name: string,
  fields: ConsumerFields,
): Promise<void> {
  const config: ConsumerConfig = { ...lasting(fields), durable_name: name };
  await context.journal.effect('create-consumer', { stream, config }, () =>
    context.account.createConsumer(stream, config),
  );
}
