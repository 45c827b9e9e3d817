import type { CommandContext, CommandResult } from '../frame/command.ts';
import { nothingToRollBack, rollBack } from '../runbook/rollBack.ts';
import { inEnvironment, type MigrateArguments, parseStep, resultOf } from './migrate.ts';

export async function run(
  context: CommandContext,
  args: Pick<MigrateArguments, 'pauseBefore' | 'leaveReaders'>,
): Promise<CommandResult> {
  const pauseBefore = parseStep(args.pauseBefore);
  const topology = await context.topology();
  const standing = await nothingToRollBack({ account: await context.reader(), topology });
  if (standing) return resultOf(standing);
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
