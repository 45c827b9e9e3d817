import { STEP_IDS } from '../saga/stepIds.ts';
import type { CommandSpec, OptionSpec } from './spec.ts';

const MIGRATE = 'Migrate:';

const PAUSE: OptionSpec = {
  flags: '--pause-before <step>',
  summary: 'stop before this step with exit 4; --resume goes on',
  choices: STEP_IDS,
};
const LEAVE_READERS: OptionSpec = {
  flags: '--leave-readers',
  summary: 'go on although readers that the topology does not name would fall silent',
};

const ORPHAN_SUBJECTS: OptionSpec = {
  flags: '--orphan-subjects',
  summary: 'go on although subjects that are in use would have no owner; their publishers are refused then',
};
const COPY: OptionSpec = {
  flags: '--copy <from>',
  summary: 'where the first copy begins: unacked, all, or since=DURATION',
  default: 'unacked',
};

const RUN_EXITS: [number, string][] = [
  [0, 'done, or there was nothing to do'],
  [1, 'failed and taken back: nothing is half done'],
  [3, 'refused before anything was changed'],
  [4, 'stopped half way; --resume goes on, rollback turns it round'],
  [5, 'done, but a check came out red'],
  [6, 'another operator is at work'],
];

/** Commands that walk the runbook, and those that look at its runs. */
export const runCommands: readonly CommandSpec[] = [
  {
    name: 'migrate',
    group: MIGRATE,
    summary: 'the whole runbook: hand the subjects to the streams of another mode, under live traffic',
    help:
      'Walks the runbook step by step: preflight, backup, plan, expand, consumers, config, restart-consumers, ' +
      'restart-producers, checks, handover, verify. Until the handover step a failure takes everything back; in it, nobody ' +
      'owns the moved subjects for some milliseconds while publishes are held. Every effect is journaled first: after a ' +
      'crash, any machine goes on with --resume.',
    options: [
      { flags: '--to <mode>', summary: 'the mode to go to' },
      {
        flags: '--dry-run',
        summary: 'show what would be handed over and what stands in the way; changes nothing',
      },
      { flags: '--resume', summary: 'finish the run that is open, forward or back, from any machine' },
      PAUSE,
      LEAVE_READERS,
      ORPHAN_SUBJECTS,
      COPY,
      { flags: '--auto-rollback', summary: 'turn round by itself after a failure behind the release' },
    ],
    examples: [
      { why: 'what would happen', command: 'migrate --to multi --dry-run --env staging' },
      { why: 'staging, without a question', command: 'migrate --to multi --env staging --yes' },
      {
        why: 'everything but the handover, then look, then go on',
        command: 'migrate --to multi --pause-before handover',
      },
      { why: 'after a crash or a pause', command: 'migrate --resume' },
    ],
    exits: RUN_EXITS,
    load: async () => (await import('../commands/migrate.ts')).run,
  },
  {
    name: 'rollback',
    group: MIGRATE,
    summary: 'back to where the last migration came from, from any point of it',
    help:
      'An open migration of which nothing was released is undone; otherwise the same steps are walked the other way, ' +
      'messages and positions included. A way back does not wait for ever on pods that do not get ready: it says so, goes ' +
      'on, hands the subjects back and ends with exit 5. Repeating it changes nothing.',
    options: [PAUSE, LEAVE_READERS],
    examples: [{ why: 'now', command: 'rollback --env staging --yes' }],
    exits: RUN_EXITS,
    load: async () => (await import('../commands/rollback.ts')).run,
  },
  {
    name: 'rehearse',
    group: MIGRATE,
    summary: 'the whole migration and its way back on a throw-away server, under synthetic traffic',
    help:
      'Reads the live account, with a client that cannot write: what would refuse the real migration is told. Then a ' +
      'nats-server of its own (of the same version, where that is to be had) gets the same streams with their own ' +
      'configurations and durables as far behind as they are, is filled with synthetic messages on the same subjects, and ' +
      'the migration and its way back are walked while publishers send. It reports the window to expect, how many publishes were ' +
      'held, how long catching up and the rollback take, and judges every message that was sent. Pods are not rehearsed, and a ' +
      'single server is not a cluster: windows of three replicas are longer.',
    options: [
      { flags: '--to <mode>', summary: 'the mode to go to', required: true },
      {
        flags: '--rate <number>',
        summary: 'messages a second on each subject that moves',
        kind: 'integer',
        default: '100',
      },
      {
        flags: '--messages <number>',
        summary:
          'messages to fill each stream with that gives subjects away; else as many as live, up to 100,000',
        kind: 'integer',
      },
      {
        flags: '--rounds <number>',
        summary: 'migrations, each with its way back',
        kind: 'integer',
        default: '2',
      },
      LEAVE_READERS,
      ORPHAN_SUBJECTS,
      COPY,
    ],
    examples: [
      { why: 'the week before', command: 'rehearse --to multi --env production' },
      {
        why: 'under more load than there will be, for a script',
        command: 'rehearse --to multi --env staging --rate 500 --messages 50000 --output json',
      },
    ],
    exits: [
      [0, 'the real one would begin, and the rehearsal was clean'],
      [3, 'the real one would be refused: each reason is told'],
      [
        5,
        'the rehearsal was not clean: something was lost, doubled, refused or out of order, or a run did not end well',
      ],
    ],
    load: async () => (await import('../commands/rehearse.ts')).run,
  },
  {
    name: 'status',
    group: MIGRATE,
    summary: 'where the environment stands: mode, owners, positions, dead letters, the open run',
    help:
      'With --watch it looks again and again until Ctrl-C, and tells as well what is stored, settled and dead-lettered a second. ' +
      'Elsewhere than on a terminal each look is a document of its own (JSON: one a line). A server that is away is told, and looked for again.',
    options: [
      { flags: '--watch', summary: 'look again and again, with rates' },
      {
        flags: '--interval <duration>',
        summary: 'time between two looks',
        kind: 'duration',
        default: '2s',
      },
    ],
    examples: [
      { why: 'beside a migration', command: 'status --env staging --watch' },
      { why: 'for a script', command: 'status --env staging --output json' },
    ],
    exits: [[130, 'Ctrl-C, which is how --watch ends']],
    readOnly: true,
    load: async () => (await import('../commands/status.ts')).run,
  },
  {
    name: 'history',
    group: MIGRATE,
    summary: 'every run, or the journal of one',
    arguments: [{ name: 'run', summary: 'id of a run', optional: true }],
    examples: [
      { why: 'all runs', command: 'history --env staging' },
      { why: 'what one did, entry by entry', command: 'history 20261002T101500-k3x9 --env staging' },
    ],
    readOnly: true,
    load: async () => (await import('../commands/history.ts')).run,
  },
];
