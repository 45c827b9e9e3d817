import { demoCommands } from './catalogDemo.ts';
import { planCommands } from './catalogPlan.ts';
import { runCommands } from './catalogRun.ts';
import type { CommandSpec } from './spec.ts';

const CHECK = 'Look:';

/** Every command, in the order of the help. Nothing here loads a command: that is what `load` is for. */
export const catalog: readonly CommandSpec[] = [
  {
    name: 'validate',
    group: CHECK,
    summary: 'check the topology file, with file:line:column',
    help:
      'Reads the topology and reports every problem at once: unknown keys, wrong types and units, overlapping subjects, ' +
      'filters outside their stream, dead letters no stream holds, names the server would refuse. It needs no server. ' +
      'Without --env it judges every environment.',
    examples: [
      { why: 'everything, as a CI job does', command: 'validate --topology ./topology' },
      { why: 'for one environment, for a script', command: 'validate --env staging --output json' },
    ],
    exits: [
      [0, 'valid; warnings may be shown'],
      [64, 'something is wrong with it'],
    ],
    readOnly: true,
    load: async () => (await import('./runValidate.ts')).run,
  },
  ...planCommands,
  ...runCommands,
  ...demoCommands,
];
