import {
  nameOf,
  pending,
  type Plan,
  type PlannedChange,
  refuseDestructive,
  refusePlan,
  type Topology,
} from '@aa-ops/topology';
import type { CommandContext, CommandResult } from '../frame/command.ts';
import { renderRun } from '../render/run.ts';
import { openEnvironment } from '../runbook/environment.ts';
import { resume } from '../runbook/migrate.ts';
import type { RunOutcome } from '../runbook/outcome.ts';
import { replace } from '../runbook/replace/replace.ts';
import type { RunDocument } from '../saga/runDocument.ts';
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
 * Makes anew, one after the other, what `select` takes of the plan and the plan calls `replace`, having asked once. Refuses first what stands in the
 * way of the rest of the plan. One that was left half done is finished first. Stops at the first that does not end well.
 */
export async function replacePlanned(
  context: CommandContext,
  prepared: Prepared,
  select: (plan: Plan) => Plan,
  permissions: { allowDestructive: boolean; replace: boolean },
): Promise<Replaced> {
  if (!permissions.replace) return { prepared, runs: [] };
  if (prepared.run?.command === 'replace') {
    const finished = await finishReplace(context, prepared.topology, prepared.run);
    if (failedOf(finished)) return finished;
    const rest = await replacePlanned(context, finished.prepared, select, permissions);
    return { prepared: rest.prepared, runs: [...finished.runs, ...rest.runs] };
  }
  refuseWhileOpen(prepared.run);
  const plan = select(prepared.plan);
  const anew = pending(plan).filter(isReplaced);
  if (anew.length === 0) return { prepared, runs: [] };
  refusePlan({ ...plan, changes: plan.changes.filter((one) => !isReplaced(one)) }, permissions);
  refuseDestructive(anew, permissions);
  const deleted = anew.reduce((sum, { messagesDeleted }) => sum + messagesDeleted, 0);
  await confirmAnew(context, prepared.topology, anew.map(({ name }) => name).join(', '), deleted);
  const runs = await inOrder(
    context,
    anew.map((one, n) => async (env) => {
      const now = n === 0 ? one : await plannedAgain(context, one);
      if (now) refuseDestructive([now], permissions);
      return now && replace(env, now);
    }),
  );
  return { prepared: await preparePlan(context), runs };
}

async function finishReplace(
  context: CommandContext,
  topology: Topology,
  open: RunDocument,
): Promise<Replaced> {
  await confirmAnew(context, topology, open.replacing!.stream, 0);
  const runs = await inOrder(context, [(env) => resume(env)]);
  return { prepared: await preparePlan(context), runs };
}

const confirmAnew = (
  context: CommandContext,
  { environment, name }: Topology,
  what: string,
  deleted: number,
): Promise<void> =>
  context.confirm(
    `Make ${what} anew in ${environment.name} (${name})? Everything is copied to a stand-in and back, and the old one is deleted.${deleted > 0 ? ` Of its messages ${deleted} go.` : ''}`,
  );

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
