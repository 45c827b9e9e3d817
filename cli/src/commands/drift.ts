import { OpsError } from '@aa-ops/topology';
import type { CommandContext, CommandResult } from '../frame/command.ts';
import { preparePlan } from '../planning/preparePlan.ts';
import { exitCodeOf, planResult } from './plan.ts';

/** What differs from the topology in the live mode; with `--expect-mode` also whether that is the mode. */
export async function run(context: CommandContext, args: { expectMode?: string }): Promise<CommandResult> {
  const expected = args.expectMode;
  if (expected !== undefined) refuseUnknown(expected, Object.keys((await context.topology()).modes));
  const prepared = await preparePlan(context);
  const { plan } = prepared;
  const result = planResult(
    context,
    prepared,
    plan,
    exitCodeOf(plan),
    expected ? { expectMode: expected } : {},
  );
  if (expected === undefined || plan.mode.live === expected) return result;
  return {
    ...result,
    text: `${result.text}\nexpected mode ${expected}, the account is in ${plan.mode.live}`,
    exitCode: 2,
  };
}

function refuseUnknown(mode: string, modes: string[]): void {
  if (modes.includes(mode)) return;
  throw new OpsError('mode-unknown', `--expect-mode ${mode} is no mode of the topology`, {
    kind: 'usage',
    hint: `choose one of ${modes.join(', ')}`,
  });
}
