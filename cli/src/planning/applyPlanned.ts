import {
  applyPlan,
  nameOf,
  pending,
  type Plan,
  type PlannedChange,
  realSubjects,
  refusePlan,
  throughWindow,
} from '@aa-ops/topology';
import type { CommandContext } from '../frame/command.ts';
import { changeLine } from '../render/plan.ts';
import { openAccountOnly } from '../runbook/environment.ts';
import { changeFilters } from '../runbook/filters/changeFilters.ts';
import type { RunJson } from '../runbook/runDocumentJson.ts';
import { refuseWhileOpen } from './openRun.ts';
import { type Prepared, preparePlan } from './preparePlan.ts';

/** What `apply` tells of itself besides the plan. */
export interface Applied {
  /** Names of what was changed, in their order. */
  applied: string[];
  /** The run that took streams through a window, where any had to go through one. */
  windows?: RunJson;
}

/**
 * Shows what is about to change, with how many messages would go, asks, and applies what `select` takes of the plan. Refuses before it asks.
 * Where nothing is to be done it neither asks nor opens a client that can write. Filters that change go first, each stream through a window.
 */
export async function applyPlanned(
  context: CommandContext,
  { topology, run, plan: whole }: Prepared,
  select: (plan: Plan) => Plan,
  options: { allowDestructive: boolean },
): Promise<Applied> {
  refuseWhileOpen(run);
  const plan = select(whole);
  refusePlan(plan, options);
  const changes = pending(plan);
  if (changes.length === 0) return { applied: [] };
  for (const change of changes) announce(context, change);
  const doomed = changes.reduce((sum, { messagesDeleted }) => sum + messagesDeleted, 0);
  const what = `${changes.length} change${changes.length === 1 ? '' : 's'}`;
  const loss = doomed > 0 ? `, which deletes ${doomed} messages` : '';
  await context.confirm(`Apply ${what} to ${topology.environment.name} (${topology.name})${loss}?`);
  const windows = await goThroughWindows(context, changes.filter(throughWindow));
  const left = windows ? select((await preparePlan(context)).plan) : plan;
  await applyPlan(await context.writer(), left, { ...options, host: context.host, signal: context.signal });
  return { applied: changes.map(nameOf), ...(windows ? { windows } : {}) };
}

async function goThroughWindows(
  context: CommandContext,
  changes: readonly PlannedChange[],
): Promise<RunJson | undefined> {
  if (changes.length === 0) return undefined;
  const filters = Object.fromEntries(
    changes.map((change) => [
      change.name,
      change.kind === 'stream' ? realSubjects(change.config.subjects) : [],
    ]),
  );
  const { error, json } = await changeFilters(await openAccountOnly(context), filters);
  if (error) throw error;
  return json;
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
