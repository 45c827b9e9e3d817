import type { CommandContext, CommandResult } from '../frame/command.ts';
import { nothingToRollBack, rollBack } from '../runbook/rollBack.ts';
import { inEnvironment, type MigrateArguments, parseStep, withoutAsking } from './migrate.ts';

export async function run(
  context: CommandContext,
  args: Pick<MigrateArguments, 'pauseBefore' | 'leaveReaders'>,
): Promise<CommandResult> {
  const pauseBefore = parseStep(args.pauseBefore);
  const topology = await context.topology();
  const unchanged = await withoutAsking(context, nothingToRollBack);
  if (unchanged) return unchanged;
  await context.confirm(
    `Roll ${topology.environment.name} (${topology.name}) back to where the last migration came from?`,
  );
  return inEnvironment(context, (environment) =>
    rollBack(environment, {
      options: { leaveReaders: args.leaveReaders ?? false },
      ...(pauseBefore ? { pauseBefore } : {}),
    }),
  );
}
