import type { CommandContext } from '../frame/command.ts';
import { openAccountOnly } from '../runbook/environment.ts';
import { resume } from '../runbook/migrate.ts';
import { type Prepared, preparePlan } from './preparePlan.ts';

/** An `apply` that was cut short in a window is ended first, having asked; what is left is planned again. */
export async function finishApply(context: CommandContext, prepared: Prepared): Promise<Prepared> {
  const { run, topology } = prepared;
  if (run?.command !== 'apply') return prepared;
  const streams = Object.keys(run.filters!).join(', ');
  await context.confirm(
    `Finish what ${run.operator} began at ${run.startedAt} in ${topology.environment.name} (${topology.name}): other filters for ${streams}?`,
  );
  const { error } = await resume(await openAccountOnly(context));
  if (error) throw error;
  return preparePlan(context);
}
