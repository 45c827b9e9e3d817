import { applyPlan, nameOf, pending, type Plan, type PlannedChange, refusePlan } from '@aa-ops/topology';
import type { CommandContext } from '../frame/command.ts';
import { changeLine } from '../render/plan.ts';
import { refuseWhileOpen } from './openRun.ts';
import type { Prepared } from './preparePlan.ts';

/**
 * Shows what is about to change, with how many messages would go, asks, and applies. Refuses before it asks. Where nothing
 * is to be done it neither asks nor opens a client that can write.
 */
export async function applyPlanned(
  context: CommandContext,
  { topology, run }: Prepared,
  plan: Plan,
  options: { allowDestructive: boolean },
): Promise<PlannedChange[]> {
  refuseWhileOpen(run);
  refusePlan(plan, options);
  const changes = pending(plan);
  if (changes.length === 0) return [];
  for (const change of changes) announce(context, change);
  const doomed = changes.reduce((sum, { messagesDeleted }) => sum + messagesDeleted, 0);
  const what = `${changes.length} change${changes.length === 1 ? '' : 's'}`;
  const loss = doomed > 0 ? `, which deletes ${doomed} messages` : '';
  await context.confirm(`Apply ${what} to ${topology.environment.name} (${topology.name})${loss}?`);
  return applyPlan(await context.writer(), plan, { ...options, host: context.host, signal: context.signal });
}

function announce({ host }: CommandContext, change: PlannedChange): void {
  host.notify({
    level: change.class === 'destructive' ? 'warn' : 'info',
    code: 'change-planned',
    message:
      change.class === 'destructive'
        ? `${nameOf(change)}: ${change.messagesDeleted} messages will be deleted (${change.reason})`
        : changeLine(change),
    data: {
      kind: change.kind,
      name: change.name,
      action: change.action,
      class: change.class,
      messagesDeleted: change.messagesDeleted,
    },
  });
}
