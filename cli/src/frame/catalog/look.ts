import type { CommandSpec } from '../spec.ts';

const group = 'Look, and change nothing:';

const PLAN_EXITS = [
  [0, 'nothing to do'],
  [2, 'changes pending'],
] as const;

/** Commands that only look. */
export const lookCommands: readonly CommandSpec[] = [
  {
    name: 'validate',
    group,
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
    load: async () => (await import('../runValidate.ts')).run,
  },
  {
    name: 'plan',
    group,
    summary: 'show what apply would change in the account, and why',
    help:
      'Compares the topology, in the mode that the account is in, with what stands there. Each change tells its fields ' +
      'before and after, its class (safe, disruptive, destructive, handover, impossible), the reason, and how many messages ' +
      'it would delete. A saved plan can be applied later; it is refused once a configuration has changed.',
    options: [{ flags: '--out <file>', summary: 'save the plan, for aa-ops apply FILE', kind: 'file' }],
    examples: [
      { why: 'what would change in staging', command: 'plan --env staging' },
      {
        why: 'save it, have it read, then apply that and nothing else',
        command: 'plan --env staging --out staging.plan',
      },
    ],
    exits: PLAN_EXITS,
    readOnly: true,
    load: async () => (await import('../../commands/plan.ts')).run,
  },
  {
    name: 'drift',
    group,
    summary: 'tell whether the account still is as the topology says',
    help:
      'The same comparison as plan, for monitoring: it ends with 2 where anything differs. The mode is state, not ' +
      'configuration, so nothing drifts after a migration; --expect-mode asserts the mode as well.',
    options: [{ flags: '--expect-mode <mode>', summary: 'another mode is drift, too' }],
    examples: [
      { why: 'in a nightly job', command: 'drift --env production --expect-mode multi --output json' },
    ],
    exits: PLAN_EXITS,
    readOnly: true,
    load: async () => (await import('../../commands/drift.ts')).run,
  },
  {
    name: 'status',
    group,
    summary: 'show the mode, who owns which subject, positions, dead letters, the open run',
    help: 'Where the environment stands now. "run" and the lease tell whether a migration is under way, and who holds it.',
    examples: [
      { why: 'the mode, for a script', command: 'status --env staging --output json | jq -r .mode' },
    ],
    readOnly: true,
    load: async () => (await import('../../commands/status.ts')).run,
  },
  {
    name: 'history',
    group,
    summary: 'list the migrations and rollbacks, or one of them entry by entry',
    help: "The journal of every run is kept in the account itself (KV bucket aa-ops), so any machine can read anybody's.",
    arguments: [{ name: 'run', summary: 'id of a run; without it all are listed', optional: true }],
    examples: [{ why: 'every run of this topology', command: 'history --env staging' }],
    readOnly: true,
    load: async () => (await import('../../commands/history.ts')).run,
  },
];
