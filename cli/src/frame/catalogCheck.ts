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
  [5, 'at least one check is red: what cannot be reached is, and the rest is looked at all the same'],
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
  {
    name: 'compare',
    group: LOOK,
    summary: 'two streams message by message: counts, order, headers and payloads',
    help:
      'Reads both streams in order and says what is missing, doubled, out of order or different in TO, with counts, sequence ' +
      'and SHA-256 of headers and payloads for each subject. Where handovers have copied between the two, exactly what they ' +
      'copied is compared, either way, and what each stream took by itself is told as beyond. Else everything is: a copy is ' +
      'recognised by its Nats-Stream-Source header; streams that hold no copies of one another (a mirror, a restored backup) by ' +
      'subject, headers and payload. Headers that copying adds (Nats-Stream-Source) or a publish expects (Nats-Expected-*) do ' +
      'not count. Memory does not grow with the streams. It changes nothing; a throw-away consumer stands on each meanwhile.',
    arguments: [
      { name: 'from', summary: 'the stream that should be in the other' },
      { name: 'to', summary: 'the stream that should hold all of it' },
    ],
    options: [
      {
        flags: '--subject <filter>',
        summary: 'only messages of these subjects; * and > are wildcards; may be given several times',
        repeatable: true,
      },
      { flags: '--first-sequence <n>', summary: 'first sequence of FROM to compare', kind: 'integer' },
      { flags: '--last-sequence <n>', summary: 'last sequence of FROM to compare', kind: 'integer' },
      {
        flags: '--copied',
        summary: 'only from the first to the last message that TO has a copy of, and nothing of its own',
      },
      { flags: '--whole', summary: 'everything that both hold, whatever handovers have copied' },
      {
        flags: '--to-server <url>',
        summary: 'where TO is, if it is not where FROM is; with the same credentials, or those in the URL',
      },
    ],
    examples: [
      {
        why: 'what the migration copied, at any time behind it',
        command: 'compare ATHLETE_ALLY_EVENTS AA_CORE_HOT --env staging',
      },
      {
        why: 'a mirror, or a restored backup, for a script',
        command: 'compare ORDERS ORDERS_RESTORED --server nats://127.0.0.1:4222 --output json',
      },
      { why: 'one subject', command: "compare ORDERS SALES --subject 'orders.new.*'" },
    ],
    exits: [
      [0, 'equal: everything is there once, in order, byte by byte'],
      [5, 'unequal: something is missing, doubled, out of order, different, or more than FROM has'],
    ],
    readOnly: true,
    load: async () => (await import('../commands/compare.ts')).run,
  },
];
