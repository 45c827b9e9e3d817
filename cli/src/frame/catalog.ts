import type { CommandSpec } from './spec.ts';
import { accountCommands } from './catalog/account.ts';
import { localCommands } from './catalog/local.ts';
import { lookCommands } from './catalog/look.ts';
import { runbookCommands } from './catalog/runbook.ts';

/** Every command, in the order of the help. Nothing here loads a command: that is what each one's `load` is for. */
export const catalog: readonly CommandSpec[] = [
  ...lookCommands,
  ...accountCommands,
  ...runbookCommands,
  ...localCommands,
];
