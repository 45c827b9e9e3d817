import { writeFile } from 'node:fs/promises';
import { messageOf, onlyKind, OpsError, type Plan, planDocument, writePlanFile } from '@aa-ops/topology';
import type { CommandContext, CommandResult } from '../frame/command.ts';
import { type Prepared, preparePlan } from '../planning/preparePlan.ts';
import { renderPlan } from '../render/plan.ts';

/** Exit code: changes are pending. */
const PENDING = 2;

/** The way from what stands to what should stand; writes nothing but the file of `--out`. */
export async function run(context: CommandContext, args: { out?: string }): Promise<CommandResult> {
  const prepared = await preparePlan(context);
  if (args.out !== undefined) await save(args.out, prepared.plan);
  return planResult(context, prepared, prepared.plan, exitCodeOf(prepared.plan));
}

/** The same for streams or consumers only: `streams plan`, `consumers plan`. */
export async function planOf(context: CommandContext, kind: 'stream' | 'consumer'): Promise<CommandResult> {
  const prepared = await preparePlan(context);
  const plan = onlyKind(prepared.plan, kind);
  return planResult(context, prepared, plan, exitCodeOf(plan));
}

/** 0 with nothing to do, 2 with changes pending; an account that fits no mode is never done. */
export const exitCodeOf = ({ changes, mode }: Plan): number =>
  mode.live === 'mixed' || changes.some(({ action }) => action !== 'none') ? PENDING : 0;

/** A plan as a command's result; `more` joins its JSON. */
export function planResult(
  { options, paint }: CommandContext,
  { run: open }: Pick<Prepared, 'run'>,
  plan: Plan,
  exitCode: number,
  more: object = {},
): CommandResult {
  const run = open ? { id: open.id, command: open.command, from: open.from, to: open.to } : null;
  return {
    json: { ...planDocument(plan), run, ...more },
    text: renderPlan({ plan, run: open, verbose: options.verbose, paint }),
    exitCode,
  };
}

async function save(path: string, plan: Plan): Promise<void> {
  try {
    await writeFile(path, writePlanFile(plan), { mode: 0o600 });
  } catch (error) {
    throw new OpsError('plan-file-unwritable', `cannot write ${path}: ${messageOf(error)}`, {
      kind: 'usage',
      hint: 'give --out a file in a folder that exists and may be written',
    });
  }
}
