import type { CommandRun } from './command.ts';

/**
 * How the value of an option is read. `duration` gives ms, `integer` a whole number from 0 on, `count` one from 1 on, `port` one that a server can
 * listen on (0: any), `file` completes paths.
 */
export type ValueKind = 'text' | 'duration' | 'integer' | 'count' | 'port' | 'file';

export interface OptionSpec {
  /** As commander reads them: `--to <mode>`, `-o, --output <format>`, `--dry-run`. */
  flags: string;
  /** Lower case, no full stop. */
  summary: string;
  kind?: ValueKind;
  choices?: readonly string[];
  /** As it would be typed. Without one, a flag that is not given is absent. */
  default?: string;
  /** The environment variable that stands in for it. */
  env?: string;
  /** May be given several times; the command gets a list. */
  repeatable?: boolean;
  /** A command that makes no sense without it. */
  required?: boolean;
}

export interface ArgumentSpec {
  /** The name under which the command gets it. */
  name: string;
  summary: string;
  optional?: boolean;
  kind?: ValueKind;
  choices?: readonly string[];
}

export interface ExampleSpec {
  /** What it is for; lower case, no full stop. */
  why: string;
  /** Without `aa-ops`. */
  command: string;
}

/**
 * A command as the catalog declares it: everything that help and completion show, without loading the command. It has
 * either `load` or `commands`.
 */
export interface CommandSpec {
  name: string;
  /** One line of the list of commands; lower case, no full stop. */
  summary: string;
  /** What one has to know to use it, in a paragraph or two. */
  help?: string;
  /** Heading in the list of commands. */
  group?: string;
  arguments?: readonly ArgumentSpec[];
  options?: readonly OptionSpec[];
  examples?: readonly ExampleSpec[];
  /** What its exit codes mean, beyond those that all commands share. */
  exits?: readonly (readonly [code: number, meaning: string])[];
  /** It changes nothing: after a signal nobody waits for it to end in good order. */
  readOnly?: boolean;
  commands?: readonly CommandSpec[];
  /** Loads the module; the command gets its options and arguments by their camelCase names. */
  load?: () => Promise<AnyCommandRun>;
}

/** The catalog can't know each command's own arguments: what it declares is what the command gets. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type AnyCommandRun = CommandRun<any>;
