import {
  nameOf,
  pending,
  type Plan,
  type PlannedChange,
  refuseDestructive,
  refusePlan,
} from '@aa-ops/topology';
import type { CommandContext, CommandResult } from '../frame/command.ts';
import { renderRun } from '../render/run.ts';
import { openEnvironment } from '../runbook/environment.ts';
import { resume } from '../runbook/migrate.ts';
import type { RunOutcome } from '../runbook/outcome.ts';
import { replace } from '../runbook/replace/replace.ts';
import { refuseWhileOpen } from './openRun.ts';
import { type Prepared, preparePlan } from './preparePlan.ts';

export interface Replaced {
  /** Planned again, where anything was made anew. */
  prepared: Prepared;
  /** A run each, in their order; the last one may have failed. */
  runs: RunOutcome[];
}

const isReplaced = (change: PlannedChange): boolean => change.action === 'replace';

/**
 * Makes anew, one after the other, what the plan calls `replace`, having asked once. Refuses first what stands in the way of the rest of the
 * plan. One that was left half done is finished first. Stops at the first that does not end well.
 */
export async function replacePlanned(
  context: CommandContext,
  prepared: Prepared,
  plan: Plan,
  permissions: { allowDestructive: boolean; replace: boolean },
): Promise<Replaced> {
  if (!permissions.replace) return { prepared, runs: [] };
  const open = prepared.run;
  if (open?.command !== 'replace') refuseWhileOpen(open);
  const anew = pending(plan).filter(isReplaced);
  if (anew.length === 0 && !open) return { prepared, runs: [] };
  if (!open) refusePlan({ ...plan, changes: plan.changes.filter((one) => !isReplaced(one)) }, permissions);
  if (!open) refuseDestructive(anew, permissions);
  const deleted = open ? 0 : anew.reduce((sum, { messagesDeleted }) => sum + messagesDeleted, 0);
  const names = open ? open.replacing!.stream : anew.map(({ name }) => name).join(', ');
  const { environment } = prepared.topology;
  await context.confirm(
    `Make ${names} anew in ${environment.name} (${prepared.topology.name})? Everything is copied to a stand-in and back, and the old one is deleted.${deleted > 0 ? ` Of its messages ${deleted} go.` : ''}`,
  );
  const runs = await inOrder(
    context,
    open
      ? [(env) => resume(env)]
      : anew.map((one, n) => async (env) => {
          const now = n === 0 ? one : await plannedAgain(context, one);
          if (now) refuseDestructive([now], permissions);
          return now && replace(env, now);
        }),
  );
  return { prepared: await preparePlan(context), runs };
}

/** A durable stands anew once its stream does, and not as the plan saw it; undefined: it is as it should be by now. */
async function plannedAgain(
  context: CommandContext,
  change: PlannedChange,
): Promise<PlannedChange | undefined> {
  const { plan } = await preparePlan(context);
  return pending(plan).find((one) => isReplaced(one) && nameOf(one) === nameOf(change));
}

type Run = (environment: Awaited<ReturnType<typeof openEnvironment>>) => Promise<RunOutcome | undefined>;

async function inOrder(context: CommandContext, runs: readonly Run[]): Promise<RunOutcome[]> {
  const environment = await openEnvironment(context);
  const outcomes: RunOutcome[] = [];
  try {
    for (const run of runs) {
      const outcome = await run(environment);
      if (!outcome) continue;
      outcomes.push(outcome);
      if (outcome.exitCode !== 0) break;
    }
    return outcomes;
  } finally {
    await environment.platform.close();
  }
}

/** How it ended where it did not end well; undefined: all of it did. */
export const failedOf = ({ runs }: Replaced): RunOutcome | undefined =>
  runs.find(({ exitCode }) => exitCode !== 0);

/** A run that did not end well, as the command's result. */
export const failureResult = (failed: RunOutcome): CommandResult => ({
  json: failed.json,
  text: renderRun(failed),
  exitCode: failed.exitCode,
});

/** What `--replace` adds to a command's JSON. */
export const replacedJson = ({ runs }: Replaced): object =>
  runs.length > 0 ? { replaced: runs.map(({ json }) => json) } : {};
