import { makePlan, type Plan, type Topology } from '@aa-ops/topology';
import type { CommandContext } from '../frame/command.ts';
import type { RunDocument } from '../saga/runDocument.ts';
import { lookForOpenRun } from './openRun.ts';

export interface Prepared {
  topology: Topology;
  plan: Plan;
  /** A migration that has not ended. */
  run: RunDocument | undefined;
}

/** Plans with a client that cannot write. */
export async function preparePlan(context: CommandContext): Promise<Prepared> {
  const topology = await context.topology();
  const reader = await context.reader();
  const looking = lookForOpenRun(reader, topology, context.host);
  const runOpen = looking.then((run) => run !== undefined);
  runOpen.catch(() => {}); // awaited with the plan, which may fail first
  const plan = await makePlan(reader, topology, { runOpen });
  return { topology, plan, run: await looking };
}
