import type { GlobalOptions } from './command.ts';
import type { OptionSpec } from './spec.ts';

const DEFAULT_TOPOLOGY = './topology';

/** The options that stand anywhere on the line, of every command. */
export const globalOptionSpecs: readonly OptionSpec[] = [
  {
    flags: '-t, --topology <path>',
    summary: 'topology file, or folder of files',
    kind: 'file',
    default: DEFAULT_TOPOLOGY,
    env: 'AA_OPS_TOPOLOGY',
  },
  { flags: '-e, --env <name>', summary: 'environment of the topology', env: 'AA_OPS_ENV' },
  {
    flags: '-s, --server <url>',
    summary: 'NATS server, several with commas; else NATS_URL, --context, the topology',
  },
  { flags: '--context <name>', summary: "credentials and server of one of the nats CLI's own contexts" },
  { flags: '--creds <file>', summary: 'credentials file', kind: 'file' },
  { flags: '--nkey <file>', summary: 'file with an nkey seed', kind: 'file' },
  { flags: '--tls-ca <file>', summary: "certificate authority of the server's certificate", kind: 'file' },
  { flags: '--tls-cert <file>', summary: 'client certificate', kind: 'file' },
  { flags: '--tls-key <file>', summary: 'key of the client certificate', kind: 'file' },
  {
    flags: '-o, --output <format>',
    summary: 'format of the result on stdout',
    choices: ['text', 'json', 'yaml'],
    default: 'text',
  },
  {
    flags: '--progress <how>',
    summary: 'progress on stderr',
    choices: ['auto', 'plain', 'ndjson'],
    default: 'auto',
  },
  { flags: '-y, --yes', summary: 'answer questions with yes' },
  { flags: '--confirm <name>', summary: 'the environment that is meant, where it is protected' },
  {
    flags: '--timeout <duration>',
    summary: 'longest wait for one answer of the server',
    kind: 'duration',
    default: '5s',
  },
  { flags: '--no-color', summary: 'no colours (NO_COLOR and FORCE_COLOR are honoured)' },
  { flags: '-q, --quiet', summary: 'no progress, only warnings, errors and the result' },
  { flags: '-v, --verbose', summary: 'more progress; the stack of an error' },
];

/** What is already known of the line before it is parsed: enough to say in the right shape what is wrong with it. */
export type EarlyOptions = Pick<GlobalOptions, 'output' | 'progress' | 'color' | 'verbose'>;

/** Reads the few options that decide how an error looks, in whatever line; what is malformed counts as not given. */
export function readEarly(argv: readonly string[]): EarlyOptions {
  const end = argv.indexOf('--');
  const words = end === -1 ? argv : argv.slice(0, end);
  const output = lastValue(words, /^(?:--output(?:=|$)|-o)(.*)$/);
  return {
    output: output === 'json' || output === 'yaml' ? output : 'text',
    progress: lastValue(words, /^--progress(?:=|$)(.*)$/) === 'ndjson' ? 'ndjson' : 'auto',
    color: !words.includes('--no-color'),
    verbose: words.includes('--verbose') || words.includes('-v'),
  };
}

function lastValue(words: readonly string[], option: RegExp): string | undefined {
  let last: string | undefined;
  words.forEach((word, index) => {
    const match = option.exec(word);
    if (match) last = match[1] || words[index + 1];
  });
  return last;
}

/** Commander's values as the contract of the commands has them; an empty environment variable counts as not set. */
export function toGlobalOptions(values: Record<string, unknown>): GlobalOptions {
  const { timeout, ...rest } = values;
  for (const [name, value] of Object.entries(rest))
    if (value === '' && name !== 'topology') delete rest[name];
  return {
    ...(rest as unknown as GlobalOptions),
    topology: (rest['topology'] as string) || DEFAULT_TOPOLOGY,
    yes: rest['yes'] === true,
    quiet: rest['quiet'] === true,
    verbose: rest['verbose'] === true,
    timeoutMs: timeout as number,
  };
}
