import { readLive, readMode } from '@aa-ops/topology';
import { operatorName } from '../saga/lease.ts';
import { newRun, type RunOptions } from '../saga/runDocument.ts';
import type { RunContext, RunEnvironment } from './context.ts';
import { drive, takeBack } from './drive.ts';
import { refuseOpen } from './migrate.ts';
import { openContext, withLease } from './openRun.ts';
import type { RunOutcome } from './outcome.ts';
import type { Step } from './step.ts';

const OPTIONS: RunOptions = { leaveReaders: false, orphanSubjects: true, copy: 'all', autoRollback: false };

/** Takes a run that leaves the account in its mode from its first step to its end. `name`: what the lease tells others. */
export async function runInPlace(
  environment: RunEnvironment,
  name: string,
  fields: Pick<Parameters<typeof newRun>[0], 'command' | 'replacing' | 'filters'>,
  steps: readonly Step[],
): Promise<RunOutcome> {
  return withLease(environment, name, async (store, lease) => {
    refuseOpen(await store.openRun());
    const { account, topology } = environment;
    const { live } = readMode(topology, await readLive(account, topology));
    const run = newRun(
      {
        ...fields,
        environment: topology.environment.name,
        from: live,
        to: live,
        operator: operatorName(),
        options: OPTIONS,
      },
      steps,
    );
    await store.openNewRun(run);
    return drive(await openContext(environment, store, lease, run));
  });
}

/** `rollback` of an open one that has released nothing. */
export async function takeBackInPlace(context: RunContext): Promise<RunOutcome> {
  context.run.reason ??= 'rollback was asked for';
  const undone = await takeBack(context);
  return { ...undone, json: { ...undone.json, result: 'done' }, exitCode: 0 };
}
