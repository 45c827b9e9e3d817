import type { CommandSpec } from './spec.ts';

/** The whole system on this machine, shown at work. */
export const demoCommands: readonly CommandSpec[] = [
  {
    name: 'demo',
    group: 'Try it:',
    summary:
      'the whole system on this machine: migrate, roll back, migrate again under live traffic, then the ledger',
    help:
      'Starts nats-server, PostgreSQL and four pods in a temporary folder, sends real HRV values (users and days are ' +
      'synthetic, and say so) through the front door and by direct publishers, and changes the mode three times while the ' +
      'traffic runs. At the end every message that was acked is looked for in the streams, the table and the dead letters. ' +
      'It reaches nothing outside this machine, needs no topology and no environment, and leaves nothing behind.',
    options: [
      {
        flags: '--rate <messages>',
        summary: 'messages a second, all publishers together',
        kind: 'integer',
        default: '300',
      },
      {
        flags: '--seconds <seconds>',
        summary: 'of traffic before, between and behind the changes',
        kind: 'integer',
        default: '2',
      },
      { flags: '--keep', summary: 'leave everything up until Ctrl-C, and print where it is' },
    ],
    examples: [
      { why: 'see it', command: 'demo' },
      { why: 'for a script', command: 'demo --output json' },
      { why: 'look around in it afterwards', command: 'demo --keep' },
    ],
    exits: [
      [
        0,
        'the ledger is clean: nothing lost, doubled, refused, unaccounted or, for publishers that wait, out of order',
      ],
      [5, 'the ledger is not clean, or a change did not come to its end'],
    ],
    load: async () => (await import('../commands/demo.ts')).run,
  },
];
