import { parseDuration } from '@aa-ops/topology';
import { Argument, Command, Help, type HelpConfiguration, InvalidArgumentError, Option } from 'commander';
import type { Paint } from '../render/paint.ts';
import { globalOptionSpecs } from './globalOptions.ts';
import type { ArgumentSpec, CommandSpec, OptionSpec, ValueKind } from './spec.ts';

export interface Chosen {
  spec: CommandSpec;
  /** The command's own options and arguments by name. */
  args: Record<string, unknown>;
}

export interface ProgramWishes {
  catalog: readonly CommandSpec[];
  version: string;
  paint: Paint;
  /** Called instead of running a command. */
  onChosen(chosen: Chosen): void;
  /** Help and version, as commander would print them. */
  onPrinted(text: string): void;
}

/** The catalog as a commander program that runs nothing and never exits: it tells what was chosen, or throws CommanderError. */
export function buildProgram(wishes: ProgramWishes): Command {
  const { paint } = wishes;
  const program = new Command('aa-ops');
  program
    .description('changes a NATS JetStream topology under live traffic: plan, apply, migrate, roll back')
    .exitOverride()
    .configureOutput({ writeOut: wishes.onPrinted, writeErr: () => {}, getOutHasColors: () => true })
    .configureHelp(helpStyle(paint))
    .helpOption('-h, --help', 'help for a command')
    .helpCommand(false)
    .version(wishes.version, '-V, --version', 'version of aa-ops')
    .optionsGroup('Options of every command:');
  for (const option of globalOptionSpecs) program.addOption(toOption(option));
  for (const spec of wishes.catalog) addCommand(program, spec, wishes);
  addHelpCommand(program);
  program.addHelpText('after', `\n${paint.dim('aa-ops help <command> tells more about each.')}`);
  return program;
}

const helpStyle = (paint: Paint): HelpConfiguration => ({
  showGlobalOptions: true,
  formatHelp: (command, helper) => {
    const text = Help.prototype.formatHelp.call(helper, command, helper);
    return command.parent ? text : optionsLast(text);
  },
  styleTitle: (title) => paint.bold(title === 'Global Options:' ? 'Options of every command:' : title),
  styleCommandText: (text) => paint.cyan(text),
  styleSubcommandText: (text) => paint.cyan(text),
  styleOptionText: (text) => paint.cyan(text),
});

/** Commander puts the many options before the commands, which is what one looks for first. */
function optionsLast(text: string): string {
  const sections = text.trimEnd().split('\n\n');
  const isOptions = (section: string): boolean => /^\S*Options/.test(section);
  return `${[...sections.filter((one) => !isOptions(one)), ...sections.filter(isOptions)].join('\n\n')}\n`;
}

function addCommand(parent: Command, spec: CommandSpec, wishes: ProgramWishes): void {
  const command = parent.command(spec.name);
  command.summary(spec.summary).description([capital(spec.summary), spec.help].filter(Boolean).join('\n\n'));
  if (spec.group) command.helpGroup(spec.group);
  for (const argument of spec.arguments ?? []) command.addArgument(toArgument(argument));
  for (const option of spec.options ?? []) command.addOption(toOption(option));
  const more = helpAfter(spec, wishes.paint);
  if (more) command.addHelpText('after', more);
  if (spec.commands) command.helpCommand('help [command]', 'help for a command');
  for (const inner of spec.commands ?? []) addCommand(command, inner, wishes);
  if (spec.load) {
    command.action((...values: unknown[]) => {
      const args: Record<string, unknown> = { ...command.opts() };
      spec.arguments?.forEach(({ name }, index) => {
        if (values[index] !== undefined) args[name] = values[index];
      });
      wishes.onChosen({ spec, args });
    });
  }
}

/** `help streams view`: commander's own reads one name only, and shows the group's help. */
function addHelpCommand(program: Command): void {
  program
    .command('help')
    .argument('[command...]')
    .summary('help for a command')
    .action((names: string[]) => {
      let command = program;
      for (const name of names) {
        const inner = command.commands.find((one) => one.name() === name);
        if (!inner && command.commands.length > 0) return void command.parse([name], { from: 'user' }); // throws, and knows what was meant
        if (!inner)
          return command.error(`error: unknown command '${name}'`, { code: 'commander.unknownCommand' });
        command = inner;
      }
      command.help();
    });
}

function helpAfter(spec: CommandSpec, paint: Paint): string {
  const parts: string[] = [];
  if (spec.examples?.length) {
    parts.push(`\n${paint.bold('Examples:')}`);
    for (const { why, command } of spec.examples)
      parts.push(`  ${paint.dim(`# ${why}`)}\n  aa-ops ${command}`);
  }
  if (spec.exits?.length) {
    parts.push(`\n${paint.bold('Exit codes:')}`);
    for (const [code, meaning] of spec.exits) parts.push(`  ${String(code).padStart(3)}  ${meaning}`);
  }
  return parts.join('\n');
}

function toOption(spec: OptionSpec): Option {
  const option = new Option(spec.flags, spec.summary);
  const readIt = reader(spec.kind);
  const read = (value: string): unknown => {
    if (value !== '') return readIt(value);
    // A variable of ours that is set to nothing says nothing; one of a script's that is not set would say something else than was meant.
    if (!spec.env) throw new InvalidArgumentError('it is empty: is a variable in it not set?');
    return readIt(spec.default ?? '');
  };
  if (spec.choices) option.choices(spec.choices);
  else if (spec.repeatable)
    option.argParser((value: string, before: unknown[] | undefined) => [...(before ?? []), read(value)]);
  else if (spec.flags.includes('<')) option.argParser(read);
  if (spec.default !== undefined) option.default(read(spec.default), spec.default);
  if (spec.env) option.env(spec.env);
  if (spec.required) option.makeOptionMandatory();
  return option;
}

function toArgument(spec: ArgumentSpec): Argument {
  const argument = new Argument(spec.optional ? `[${spec.name}]` : `<${spec.name}>`, spec.summary);
  if (spec.choices) argument.choices(spec.choices);
  else argument.argParser(reader(spec.kind));
  return argument;
}

function reader(kind: ValueKind = 'text'): (value: string) => unknown {
  if (kind === 'duration') return readDuration;
  if (kind === 'integer') return (value) => readInteger(value, 0, Number.MAX_SAFE_INTEGER);
  if (kind === 'count') return (value) => readInteger(value, 1, Number.MAX_SAFE_INTEGER);
  if (kind === 'port') return (value) => readInteger(value, 0, HIGHEST_PORT);
  return (value) => value;
}

const HIGHEST_PORT = 65_535;

function readDuration(value: string): number {
  const ns = parseDuration(value);
  if (ns === undefined || ns < 1e6 || ns > MAX_TIMER_MS * 1e6)
    throw new InvalidArgumentError('write a duration from 1ms to 24d, such as 500ms, 30s, 2m or 48h');
  return ns / 1e6;
}

/** What a timer of Node can hold: 2^31 - 1 ms; longer ones fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

function readInteger(value: string, from: number, to: number): number {
  const number = Number(value);
  if (!/^\d+$/.test(value) || number < from || number > to)
    throw new InvalidArgumentError(
      `write a whole number from ${from} ${to === HIGHEST_PORT ? `to ${to}` : 'on'}`,
    );
  return number;
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
