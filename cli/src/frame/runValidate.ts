import { runValidate } from '../commands/validate.ts';
import type { CommandContext, CommandResult } from './command.ts';
import { EXIT_CODES } from './exitCodes.ts';

/** `validate` as the frame runs commands. */
export async function run({ options }: CommandContext): Promise<CommandResult> {
  const { json, text, ok } = await runValidate({
    topologyPath: options.topology,
    ...(options.env !== undefined && { environment: options.env }),
  });
  return { json, text, exitCode: ok ? 0 : EXIT_CODES.usage };
}
