import type { CommandSpec } from '../spec.ts';
import { accountCommands } from './account.ts';
import { localCommands } from './local.ts';
import { lookCommands } from './look.ts';
import { runbookCommands } from './runbook.ts';

/** Every command, in the order of the help. Nothing here loads a command: that is what each one's `load` is for. */
export const catalog: readonly CommandSpec[] = [
  ...lookCommands,
  ...accountCommands,
  ...runbookCommands,
  ...localCommands,
];
