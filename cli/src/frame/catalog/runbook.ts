import { STEP_IDS } from '../../saga/stepIds.ts';
import type { CommandSpec, OptionSpec } from '../spec.ts';

const group = 'Move the environment to another mode, and back:';

const common: readonly OptionSpec[] = [
  {
    flags: '--pause-before <step>',
    summary: 'stop before this step with exit 4, to look around; migrate --resume goes on',
    choices: STEP_IDS,
  },
  {
    flags: '--leave-readers',
    summary: 'go on although readers that the topology does not name will fall silent',
  },
];

const exits = [
  [0, 'done, or nothing to do'],
  [1, 'failed, and nothing is half done'],
  [3, 'refused by a check, or declined'],
  [4, 'stopped half way; --resume goes on, rollback turns round'],
  [5, 'done, but a check came out red or pods did not get ready'],
  [6, 'another operator is at it'],
  [130, 'interrupted; --resume goes on'],
] as const;

/** Commands that run the runbook. */
export const runbookCommands: readonly CommandSpec[] = [
  {
    name: 'migrate',
    group,
    summary: 'hand the subjects over to the streams of another mode, under live traffic',
    help:
      `Walks the runbook: ${STEP_IDS.join(', ')}. Messages are copied ahead, durables get their positions, pods are restarted, ` +
      'and the subjects change owner within milliseconds while publishers wait instead of failing. Every effect is journaled ' +
      'in the account before and after it, so any machine can finish it or turn it round. A failure before the handover ' +
      'undoes itself. Safe to repeat: where the mode is reached it says so.',
    options: [
      { flags: '--to <mode>', summary: 'a mode of the topology' },
      {
        flags: '--dry-run',
        summary: 'show the handovers and what would be copied, with a client that cannot write',
      },
      { flags: '--resume', summary: 'finish the run that is open, forward or back' },
      ...common,
      {
        flags: '--orphan-subjects',
        summary: 'go on although subjects seen in the stream have no owner in the new mode',
      },
      {
        flags: '--copy <what>',
        summary: 'what is copied ahead: unacked (the default), all, or since=DURATION',
      },
      { flags: '--auto-rollback', summary: 'turn round by itself when a step fails' },
    ],
    examples: [
      { why: 'look first', command: 'migrate --to multi --env staging --dry-run' },
      { why: 'go', command: 'migrate --to multi --env staging' },
      {
        why: 'stop before the subjects move, look, then go on',
        command: 'migrate --to multi --env staging --pause-before handover',
      },
      { why: 'after a crash, from any machine', command: 'migrate --resume --env staging' },
    ],
    exits,
    load: async () => (await import('../../commands/migrate.ts')).run,
  },
  {
    name: 'rollback',
    group,
    summary: 'go back to where the last migration came from, from any point of it',
    help:
      'Turns an open migration round, or hands the subjects of a finished one back, with what was stored since. It never ' +
      'waits for ever on a pod that does not get ready: it says so, goes on, and ends with 5.',
    options: common,
    examples: [{ why: 'in an emergency', command: 'rollback --env staging --yes' }],
    exits,
    load: async () => (await import('../../commands/rollback.ts')).run,
  },
];
