import { readFile } from 'node:fs/promises';
import { messageOf, OpsError, type Plan, readPlanFile, refuseStale } from '@aa-ops/topology';
import type { CommandContext, CommandResult } from '../frame/command.ts';
import { applyPlanned } from '../planning/applyPlanned.ts';
import { finishApply } from '../planning/finishApply.ts';
import { preparePlan } from '../planning/preparePlan.ts';
import { failedOf, failureResult, replacedJson, replacePlanned } from '../planning/replacePlanned.ts';
import { planResult } from './plan.ts';

export interface ApplyArguments {
  /** A file that `plan --out` wrote. */
  plan?: string;
  dryRun?: boolean;
  allowDestructive?: boolean;
  replace?: boolean;
}

/** Brings the account to the topology in its own mode, or makes the changes of a saved plan if it still holds. */
export async function run(context: CommandContext, args: ApplyArguments): Promise<CommandResult> {
  const file = args.plan === undefined ? undefined : readPlanFile(await readText(args.plan), args.plan);
  const found = await preparePlan(context);
  const prepared = args.dryRun ? found : await finishApply(context, found);
  if (file) refuseStale(file, prepared.plan);
  if (args.dryRun) return planResult(context, prepared, prepared.plan, 0, { dryRun: true });
  const permissions = { allowDestructive: args.allowDestructive ?? false, replace: args.replace ?? false };
  const replaced = await replacePlanned(context, prepared, (plan) => plan, permissions);
  const failed = failedOf(replaced);
  if (failed) return failureResult(failed);
  const done = await applyPlanned(context, replaced.prepared, (plan) => plan, permissions);
  const more = { ...done, ...replacedJson(replaced) };
  const result = planResult(context, prepared, prepared.plan, 0, more);
  return {
    ...result,
    text: `${result.text}\n${outcome(prepared.plan, done.applied.length + replaced.runs.length)}`,
  };
}

const outcome = ({ topology, environment }: Plan, count: number): string =>
  count === 0
    ? `${topology} (${environment}) already is as it should be`
    : `applied ${count} change${count === 1 ? '' : 's'}`;

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new OpsError('plan-file-unreadable', `cannot read the plan ${path}: ${messageOf(error)}`, {
      kind: 'usage',
      hint: 'make one with: aa-ops plan --out FILE',
    });
  }
}
