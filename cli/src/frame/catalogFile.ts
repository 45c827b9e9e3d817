import type { CommandSpec } from './spec.ts';

/** Commands that need the topology file only. */
export const fileCommands: readonly CommandSpec[] = [
  {
    name: 'validate',
    group: 'Look:',
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
];
