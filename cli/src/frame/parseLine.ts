import { OpsError } from '@aa-ops/topology';
import { CommanderError } from 'commander';
import type { Paint } from '../render/paint.ts';
import { type Chosen, buildProgram } from './buildProgram.ts';
import type { GlobalOptions } from './command.ts';
import { toGlobalOptions } from './globalOptions.ts';
import type { CommandSpec } from './spec.ts';
import { explainUsage } from './usage.ts';

/** What a line asks for: a text (help, version), or a command to run. */
export type Parsed =
  | { kind: 'print'; what: 'help' | 'version'; text: string }
  | ({ kind: 'run'; options: GlobalOptions } & Chosen);

/** Reads a command line (without node and script). Throws OpsError `usage`. */
export async function parseLine(
  argv: readonly string[],
  wishes: { catalog: readonly CommandSpec[]; version: string; paint: Paint },
): Promise<Parsed> {
  const { catalog, version, paint } = wishes;
  let chosen: Chosen | undefined;
  let printed = '';
  const program = buildProgram({
    catalog,
    version,
    paint,
    onChosen: (what) => {
      chosen = what;
    },
    onPrinted: (text) => {
      printed += text;
    },
  });
  try {
    await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    const what = error.exitCode === 0 ? await unknownCommand(argv, wishes) : undefined;
    if (what) throw what;
    if (error.exitCode === 0)
      return { kind: 'print', what: error.code === 'commander.version' ? 'version' : 'help', text: printed };
    // Of `help nosuch` commander shows the help of all commands instead; without the word it says what is wrong.
    const help = error.code === 'commander.help' ? argv.indexOf('help') : -1;
    if (help !== -1) return parseLine(argv.toSpliced(help, 1), wishes);
    throw explainUsage(error, argv, catalog);
  }
  if (!chosen) throw new Error(`no command was chosen by ${argv.join(' ')}`);
  return { kind: 'run', options: toGlobalOptions(program.opts()), ...chosen };
}

/** Of `nosuch --help` commander shows the help of all commands as well; without the flag it says what is wrong. */
async function unknownCommand(
  argv: readonly string[],
  wishes: Parameters<typeof parseLine>[1],
): Promise<OpsError | undefined> {
  const flag = argv.findIndex((word) => word === '--help' || word === '-h');
  if (flag === -1) return undefined;
  const error: unknown = await parseLine(argv.toSpliced(flag, 1), wishes).catch((thrown: unknown) => thrown);
  return error instanceof OpsError && error.code === 'unknown-command' ? error : undefined;
}
