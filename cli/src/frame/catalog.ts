import { checkCommands } from './catalogCheck.ts';
import { fileCommands } from './catalogFile.ts';
import { localCommands } from './catalogLocal.ts';
import { planCommands } from './catalogPlan.ts';
import { runCommands } from './catalogRun.ts';
import type { CommandSpec } from './spec.ts';

/** Every command, in the order of the help. Nothing here loads a command: that is what each one's `load` is for. */
export const catalog: readonly CommandSpec[] = [
  ...fileCommands,
  ...planCommands,
  ...checkCommands,
  ...runCommands,
  ...localCommands,
];
