import type { Paint } from '../render/paint.ts';
import type { ConnectSettings, Host, JetStreamReader, JetStreamWriter, Topology } from '@aa-ops/topology';

/** The options that every command takes. */
export interface GlobalOptions {
  topology: string;
  env?: string;
  server?: string;
  context?: string;
  creds?: string;
  nkey?: string;
  tlsCa?: string;
  tlsCert?: string;
  tlsKey?: string;
  output: 'text' | 'json' | 'yaml';
  progress: 'auto' | 'plain' | 'ndjson';
  yes: boolean;
  confirm?: string;
  color: boolean;
  quiet: boolean;
  verbose: boolean;
  /** ms */
  timeoutMs: number;
}

/** What a command gets to work with. Connections are opened on first use and closed when the command ends. */
export interface CommandContext {
  readonly options: GlobalOptions;
  /** Progress and warnings, on stderr. */
  readonly host: Host;
  /** Colours for what goes to stdout; plain where nobody sees them. */
  readonly paint: Paint;
  /** Aborted by SIGINT and SIGTERM; a second signal ends the process with 130 at once. */
  readonly signal: AbortSignal;
  /** The topology as the environment of `--env` sees it; OpsError `usage` when either is missing or invalid. */
  topology(): Promise<Topology>;
  /** How the account is reached: --server, NATS_URL, --context, the dev platform's state, the topology's servers. */
  settings(): Promise<ConnectSettings>;
  reader(): Promise<JetStreamReader>;
  /** A reader that stands where there is no JetStream as well: for checks, which say so themselves. */
  unasked(): Promise<JetStreamReader>;
  writer(): Promise<JetStreamWriter>;
  /** One document of several, on stdout as it comes: JSON on one line, YAML behind `---`; a terminal shows the newest one only. */
  show(document: Pick<CommandResult, 'json' | 'text'>): Promise<void>;
  /** An error as a document, where a command goes on in spite of it. */
  explain(error: unknown): Pick<CommandResult, 'json' | 'text'> & { json: object };
  /** Asks on the terminal; OpsError `declined` (refused) on no, without a terminal, or without --confirm where protected. */
  confirm(question: string): Promise<void>;
}

/** What a command ends with: one JSON document, its rendering for people, the exit code. */
export interface CommandResult {
  json: unknown;
  text: string;
  exitCode?: number;
}

/** Every command module under cli/src/commands exports `run`. */
export type CommandRun<Arguments> = (context: CommandContext, args: Arguments) => Promise<CommandResult>;
