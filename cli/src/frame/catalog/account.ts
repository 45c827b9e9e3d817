import type { ArgumentSpec, CommandSpec, OptionSpec } from '../spec.ts';

const group = 'Streams and consumers:';
const dryRun: OptionSpec = {
  flags: '--dry-run',
  summary: 'show what would be done, with a client that cannot write',
};
const allowDestructive: OptionSpec = {
  flags: '--allow-destructive',
  summary: 'make changes that delete messages, too',
};
const stream: ArgumentSpec = { name: 'stream', summary: 'name of the stream' };
const consumer: ArgumentSpec = { name: 'consumer', summary: 'name of the consumer' };

/** Commands on what stands in the account. */
export const accountCommands: readonly CommandSpec[] = [
  {
    name: 'apply',
    group,
    summary: 'bring the account to the topology, in the mode that it is in',
    help:
      'Makes and updates streams and consumers; applied twice, it changes nothing the second time. Nothing that deletes ' +
      'messages is done without --allow-destructive. Moving a subject from one stream to another is never done here, since ' +
      'it would lose messages under traffic: that is what migrate is for.',
    arguments: [{ name: 'plan', summary: 'file that plan --out wrote', optional: true, kind: 'file' }],
    options: [dryRun, allowDestructive],
    examples: [
      { why: 'look first', command: 'apply --env staging --dry-run' },
      { why: 'exactly what was planned, or nothing', command: 'apply staging.plan --env staging' },
    ],
    exits: [
      [0, 'done, or nothing to do'],
      [3, 'refused: a stale plan, or a change that needs --allow-destructive or a handover'],
      [6, 'a migration is open'],
    ],
    load: async () => (await import('../../commands/apply.ts')).run,
  },
  {
    name: 'streams',
    group,
    summary: 'plan, apply and look at streams (runbook, step 2)',
    commands: [
      {
        name: 'plan',
        summary: 'show what streams apply would change',
        exits: [
          [0, 'nothing to do'],
          [2, 'changes pending'],
        ],
        readOnly: true,
        load: async () => (await import('../../commands/streams.ts')).plan,
      },
      {
        name: 'apply',
        summary: 'make and update the streams of the topology, and nothing else',
        help: 'Idempotent. A stream that the live mode gives no subjects is made all the same, and hears nothing.',
        options: [dryRun, allowDestructive],
        examples: [{ why: 'the runbook, step 2', command: 'streams apply --env staging' }],
        load: async () => (await import('../../commands/streams.ts')).apply,
      },
      {
        name: 'ls',
        summary: 'list the streams of the account',
        options: [{ flags: '--all', summary: 'also those of KV buckets, object stores and MQTT' }],
        readOnly: true,
        load: async () => (await import('../../commands/streams.ts')).ls,
      },
      {
        name: 'info',
        summary: 'show one stream: configuration and state',
        arguments: [stream],
        readOnly: true,
        load: async () => (await import('../../commands/streams.ts')).info,
      },
      {
        name: 'view',
        summary: 'show stored messages, without a consumer',
        arguments: [stream],
        options: [
          {
            flags: '--from <sequence>',
            summary: 'the first to show; without it the newest',
            kind: 'integer',
          },
          { flags: '--count <number>', summary: 'how many (10 unless given)', kind: 'integer' },
          {
            flags: '--subject <filter>',
            summary: 'only these subjects, from the oldest on; wildcards allowed',
          },
        ],
        examples: [
          { why: 'the last three dead letters', command: 'streams view AA_DLQ --count 3 --env staging' },
        ],
        readOnly: true,
        load: async () => (await import('../../commands/streams.ts')).view,
      },
    ],
  },
  {
    name: 'consumers',
    group,
    summary: 'plan, apply and look at consumers (runbook, step 3)',
    commands: [
      {
        name: 'plan',
        summary: 'show what consumers apply would change',
        exits: [
          [0, 'nothing to do'],
          [2, 'changes pending'],
        ],
        readOnly: true,
        load: async () => (await import('../../commands/consumers.ts')).plan,
      },
      {
        name: 'apply',
        summary: 'make and update the durables of the live mode, and nothing else',
        help: "Idempotent. Another mode's durables are made by migrate, which alone knows where they have to start.",
        options: [dryRun],
        examples: [{ why: 'the runbook, step 3', command: 'consumers apply --env staging' }],
        load: async () => (await import('../../commands/consumers.ts')).apply,
      },
      {
        name: 'ls',
        summary: 'list the consumers of a stream, or of all streams of the topology',
        arguments: [{ ...stream, optional: true }],
        readOnly: true,
        load: async () => (await import('../../commands/consumers.ts')).ls,
      },
      {
        name: 'info',
        summary: 'show one consumer: configuration and position',
        arguments: [stream, consumer],
        readOnly: true,
        load: async () => (await import('../../commands/consumers.ts')).info,
      },
      {
        name: 'next',
        summary: 'show the message that a consumer would deliver next, and leave it there',
        help: 'It only looks, so the service that reads the durable misses nothing. With --ack the message is taken and acked.',
        arguments: [stream, consumer],
        options: [{ flags: '--ack', summary: 'take it away from the durable and ack it; asks first' }],
        load: async () => (await import('../../commands/consumers.ts')).next,
      },
    ],
  },
];
