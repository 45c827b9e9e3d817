import type { CommandContext, CommandResult } from '../frame/command.ts';
import { readConfigMapDrift, renderConfigMapDrift } from '../planning/configMapDrift.ts';
import { preparePlan } from '../planning/preparePlan.ts';
import { refuseUnknownMode } from '../planning/refuseUnknownMode.ts';
import { exitCodeOf, planResult } from './plan.ts';

/** Exit code: changes are pending. */
const PENDING = 2;

/**
 * What differs from the topology in the live mode, in the account and in the pods' ConfigMap; with `--expect-mode` also whether
 * that is the mode.
 */
export async function run(context: CommandContext, args: { expectMode?: string }): Promise<CommandResult> {
  const expected = args.expectMode;
  if (expected !== undefined) refuseUnknownMode(expected, await context.topology());
  const prepared = await preparePlan(context);
  const { plan, topology } = prepared;
  const configMap = await readConfigMapDrift(await context.reader(), topology, context.signal);
  if (configMap?.unread !== undefined)
    context.host.notify({
      level: 'warn',
      code: 'config-map-unread',
      message: renderConfigMapDrift(configMap),
    });
  const differs = (configMap?.differences.length ?? 0) > 0;
  const more = { ...(expected ? { expectMode: expected } : {}), ...(configMap ? { configMap } : {}) };
  const result = planResult(context, prepared, plan, differs ? PENDING : exitCodeOf(plan), more);
  const text = configMap ? `${result.text}\n\n${renderConfigMapDrift(configMap)}` : result.text;
  if (expected === undefined || plan.mode.live === expected) return { ...result, text };
  return {
    ...result,
    text: `${text}\nexpected mode ${expected}, the account is in ${plan.mode.live}`,
    exitCode: PENDING,
  };
}
