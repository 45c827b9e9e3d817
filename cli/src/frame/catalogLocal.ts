import { DEFAULT_DEV_DIR, DEV_DIR_VARIABLE } from '../platform/local/devDir.ts';
import type { CommandSpec, OptionSpec } from './spec.ts';

const group = 'On this machine:';
const dir: OptionSpec = {
  flags: '--dir <folder>',
  summary: 'where its state, data and logs are',
  kind: 'file',
  default: DEFAULT_DEV_DIR,
  env: DEV_DIR_VARIABLE,
};

/** Commands on the local platform, and on the shell. */
export const localCommands: readonly CommandSpec[] = [
  {
    name: 'demo',
    group,
    summary: 'watch the whole system move to multi and back under live traffic, with a ledger',
    help:
      'Starts real servers and pods in a temporary folder, sends real heart-rate variability values through the front door ' +
      'and by direct publishers, migrates, rolls back and migrates again while they send, and counts what became of every ' +
      'message. It cleans up.',
    options: [
      {
        flags: '--rate <number>',
        summary: 'messages a second, all publishers together',
        kind: 'integer',
        default: '300',
      },
      {
        flags: '--seconds <number>',
        summary: 'of traffic before, between and behind the changes',
        kind: 'integer',
        default: '2',
      },
      { flags: '--keep', summary: 'leave everything up until Ctrl-C' },
    ],
    exits: [
      [0, 'nothing lost, doubled, refused, or out of order for those that wait'],
      [5, 'the ledger is not clean'],
    ],
    load: async () => (await import('../commands/demo.ts')).run,
  },
  {
    name: 'dev',
    group,
    summary: 'run the whole system here: NATS, PostgreSQL, ingest and normalize',
    help:
      'aa-ops commands with --env local find its ports by themselves when called from the same folder, ' +
      'or with the same AA_OPS_DEV_DIR.',
    commands: [
      {
        name: 'up',
        summary: 'start it, the topology applied; until Ctrl-C unless --detach',
        options: [
          dir,
          { flags: '-d, --detach', summary: 'leave it running in the background' },
          {
            flags: '--ports <how>',
            summary: 'auto takes free ones where the usual are taken, fixed fails',
            choices: ['auto', 'fixed'],
            default: 'auto',
          },
          { flags: '--nats-port <port>', summary: '0 for any free one', kind: 'port' },
          { flags: '--postgres-port <port>', summary: '0 for any free one', kind: 'port' },
          { flags: '--front-door-port <port>', summary: '0 for any free one', kind: 'port' },
        ],
        examples: [{ why: 'in the background', command: 'dev up --detach' }],
        load: async () => (await import('./runDev.ts')).up,
      },
      {
        name: 'down',
        summary: 'take it down',
        options: [dir, { flags: '--delete-data', summary: 'and delete its data' }],
        load: async () => (await import('./runDev.ts')).down,
      },
      {
        name: 'status',
        summary: 'show where everything is, and how it does',
        options: [dir],
        readOnly: true,
        load: async () => (await import('./runDev.ts')).status,
      },
    ],
  },
  {
    name: 'completion',
    group,
    summary: 'print the completion script of a shell',
    arguments: [{ name: 'shell', summary: 'bash, zsh or fish', choices: ['bash', 'zsh', 'fish'] }],
    examples: [
      { why: 'in ~/.bashrc', command: 'completion bash > ~/.aa-ops-completion; . ~/.aa-ops-completion' },
      { why: 'zsh: into a folder of $fpath', command: 'completion zsh > ~/.zfunc/_aa-ops' },
      { why: 'fish', command: 'completion fish > ~/.config/fish/completions/aa-ops.fish' },
    ],
    readOnly: true,
    load: async () => (await import('../commands/completion.ts')).run,
  },
];
