import type { CommandSpec, OptionSpec } from './spec.ts';

const LOOK = 'Look:';

const EXPECT_MODE: OptionSpec = {
  flags: '--expect-mode <mode>',
  summary: 'the mode that everything should be in; default: the live one',
};
const NO_EVENT: OptionSpec = {
  flags: '--no-event',
  summary: 'send no test event; what it would prove is left out',
};
const WAIT: OptionSpec = {
  flags: '--wait <duration>',
  summary: "longest wait for the test event's row",
  kind: 'duration',
  default: '15s',
};

const EXITS: [number, string][] = [
  [0, 'green, or yellow: look at what it says'],
  [5, 'at least one check is red'],
];

const THE_EVENT =
  'One event of the user <environment>-e2e-test goes in through the front door, and its row is awaited in the database. ' +
  'A front door that asks for a token gets INGEST_TOKEN.';

/** Commands that check, and change nothing. */
export const checkCommands: readonly CommandSpec[] = [
  {
    name: 'preflight',
    group: LOOK,
    summary: "check the runbook's prerequisites, as migrate does before it begins",
    help: `Access to NATS, the pods and the database, the tools, and that the environment works in its own mode. ${THE_EVENT}`,
    options: [EXPECT_MODE, NO_EVENT, WAIT],
    examples: [{ why: 'the evening before', command: 'preflight --env staging' }],
    exits: EXITS,
    readOnly: true,
    load: async () => (await import('../commands/preflight.ts')).run,
  },
  {
    name: 'verify',
    group: LOOK,
    summary: 'every post-deployment check as green, yellow or red, with what was seen',
    help:
      'Owners and durables, the ConfigMap, pods, their logs and health, metrics by stream, counts, dead letters, rows. ' +
      `Red is what the runbook rolls back for. ${THE_EVENT}`,
    options: [EXPECT_MODE, NO_EVENT, WAIT],
    examples: [
      { why: 'how is it', command: 'verify --env staging' },
      {
        why: 'for a script, in production, without a test event',
        command: 'verify --env production --expect-mode multi --no-event --output json',
      },
    ],
    exits: EXITS,
    readOnly: true,
    load: async () => (await import('../commands/verify.ts')).run,
  },
];
