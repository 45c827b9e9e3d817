import { preflightChecks } from '../checks/index.ts';
import type { CommandContext, CommandResult } from '../frame/command.ts';
import { runCheckCommand, type VerifyArguments } from './verify.ts';

/** The runbook's prerequisites as checks: what `migrate` looks at before it begins. */
export const run = (context: CommandContext, args: VerifyArguments): Promise<CommandResult> =>
  runCheckCommand(context, preflightChecks, args);
