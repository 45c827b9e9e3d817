import type { CommandSpec, OptionSpec } from './spec.ts';

const LOOK = 'Look:';
const CHANGE = 'Change in place:';

const DRY_RUN: OptionSpec = {
  flags: '--dry-run',
  summary: 'show what would change, with a client that cannot write',
};
const ALLOW_DESTRUCTIVE: OptionSpec = {
  flags: '--allow-destructive',
  summary: 'make changes that delete messages too; how many is shown before',
};
const REPLACE: OptionSpec = {
  flags: '--replace',
  summary: 'make anew what cannot change in place, through a stand-in: messages and positions are kept',
};

const PLAN_EXITS: [number, string][] = [
  [0, 'nothing to do'],
  [2, 'changes are pending'],
];
const APPLY_EXITS: [number, string][] = [
  [0, 'done, or there was nothing to do'],
  [1, 'failed before anything was changed'],
  [
    3,
    'refused before anything was changed: a handover, a change the server does not make, deletions, a stale plan, no --yes',
  ],
  [4, 'some changes are made and the rest is not; applying again goes on'],
  [6, 'a migration is open'],
];

const STREAM = { name: 'stream', summary: 'name of the stream' };
const CONSUMER = { name: 'consumer', summary: 'name of the consumer' };

const HOW_IT_PLANS =
  'The account is compared with the mode that it is in, read from who owns which subject. Unset fields mean the ' +
  "server's default; streams and consumers that the topology does not name are left alone (--verbose lists them), and " +
  'nothing is deleted but what --replace makes anew. + is made, ~ changed in place, -/+ would have to be made anew, > is handed over by migrate.';

/** Commands that compare the account with the topology, and those that bring it there in place. */
export const planCommands: readonly CommandSpec[] = [
  {
    name: 'plan',
    group: LOOK,
    summary: 'show what differs from the topology, and what applying would do',
    help: HOW_IT_PLANS,
    options: [
      {
        flags: '--out <file>',
        summary: 'save the plan; apply FILE makes exactly these changes',
        kind: 'file',
      },
    ],
    examples: [
      { why: 'what would change', command: 'plan --env staging' },
      {
        why: 'for a review, then applied as reviewed',
        command: 'plan --env staging --out staging.plan.json',
      },
    ],
    exits: PLAN_EXITS,
    readOnly: true,
    load: async () => (await import('../commands/plan.ts')).run,
  },
  {
    name: 'drift',
    group: LOOK,
    summary: 'tell whether the account still is what the topology says',
    help: `${HOW_IT_PLANS} With --expect-mode it also tells whether the account is in that mode.`,
    options: [{ flags: '--expect-mode <mode>', summary: 'the mode that the account should be in' }],
    examples: [
      { why: 'nightly, in CI', command: 'drift --env production --expect-mode multi --output json' },
    ],
    exits: [
      [0, 'no drift'],
      [2, 'something differs, or the mode is another one'],
    ],
    readOnly: true,
    load: async () => (await import('../commands/drift.ts')).run,
  },
  {
    name: 'apply',
    group: CHANGE,
    summary: 'bring the account to the topology, in place and in its own mode',
    help:
      'Applied whole or not at all: one change that may not be made in place refuses all of them, before the first write. ' +
      'Subjects that change their stream are handed over by migrate only. A stream that is to hear its own by other filters ' +
      'goes through a window first, for which publishes are held; one that was cut short is finished. A saved plan is refused once a configuration ' +
      'has changed; message counts may have.',
    arguments: [{ name: 'plan', summary: 'a file that plan --out wrote', optional: true, kind: 'file' }],
    options: [DRY_RUN, ALLOW_DESTRUCTIVE, REPLACE],
    examples: [
      { why: 'the topology file, without a question', command: 'apply --env staging --yes' },
      { why: 'a reviewed plan', command: 'apply staging.plan.json --env staging' },
    ],
    exits: APPLY_EXITS,
    load: async () => (await import('../commands/apply.ts')).run,
  },
  {
    name: 'streams',
    group: CHANGE,
    summary: 'make and look at streams (runbook, step 2)',
    commands: [
      {
        name: 'plan',
        summary: 'show what streams apply would do',
        exits: PLAN_EXITS,
        readOnly: true,
        load: async () => (await import('../commands/streams.ts')).plan,
      },
      {
        name: 'apply',
        summary: 'make and update the streams of the topology; safe to repeat',
        help:
          'A stream that owns nothing in the live mode is made all the same and hears nothing until a migration hands ' +
          'subjects to it.',
        options: [DRY_RUN, ALLOW_DESTRUCTIVE, REPLACE],
        exits: APPLY_EXITS,
        load: async () => (await import('../commands/streams.ts')).apply,
      },
      {
        name: 'ls',
        summary: 'list the streams of the account',
        options: [{ flags: '--all', summary: 'also KV buckets, object stores and the streams of MQTT' }],
        readOnly: true,
        load: async () => (await import('../commands/streams.ts')).ls,
      },
      {
        name: 'info',
        summary: 'configuration and state of a stream',
        arguments: [STREAM],
        readOnly: true,
        load: async () => (await import('../commands/streams.ts')).info,
      },
      {
        name: 'view',
        summary: 'show stored messages, without a consumer',
        help: 'The newest messages, or with --subject the oldest; --from starts at a sequence.',
        arguments: [STREAM],
        options: [
          { flags: '--from <sequence>', summary: 'first sequence to show', kind: 'integer' },
          { flags: '--count <n>', summary: 'how many at most', kind: 'count', default: '10' },
          {
            flags: '--subject <filter>',
            summary: 'only messages of these subjects; * and > are wildcards',
          },
        ],
        readOnly: true,
        load: async () => (await import('../commands/streams.ts')).view,
      },
    ],
  },
  {
    name: 'consumers',
    group: CHANGE,
    summary: 'make and look at durables (runbook, step 3)',
    commands: [
      {
        name: 'plan',
        summary: 'show what consumers apply would do',
        exits: PLAN_EXITS,
        readOnly: true,
        load: async () => (await import('../commands/consumers.ts')).plan,
      },
      {
        name: 'apply',
        summary: 'make and update the durables of the live mode; safe to repeat',
        help: "The other mode's durables are made by migrate, which alone knows where they have to start.",
        options: [DRY_RUN, REPLACE],
        exits: APPLY_EXITS,
        load: async () => (await import('../commands/consumers.ts')).apply,
      },
      {
        name: 'ls',
        summary: 'list the consumers of a stream, or of every stream of the topology',
        arguments: [{ ...STREAM, optional: true }],
        readOnly: true,
        load: async () => (await import('../commands/consumers.ts')).ls,
      },
      {
        name: 'info',
        summary: 'configuration and state of a consumer',
        arguments: [STREAM, CONSUMER],
        readOnly: true,
        load: async () => (await import('../commands/consumers.ts')).info,
      },
      {
        name: 'next',
        summary: 'show the message that a consumer would deliver next',
        help: 'It only looks, and takes nothing away from whoever reads the durable, unless --ack says so.',
        arguments: [STREAM, CONSUMER],
        options: [{ flags: '--ack', summary: 'take the message away from its readers: deliver and ack it' }],
        load: async () => (await import('../commands/consumers.ts')).next,
      },
    ],
  },
];
