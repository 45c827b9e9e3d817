import { globalOptionSpecs } from '../globalOptions.ts';
import type { CommandSpec, OptionSpec } from '../spec.ts';

export interface OptionWord {
  /** `-o`, `--output`. */
  names: string[];
  summary: string;
  /** It is followed by a value. */
  takesValue: boolean;
  choices: readonly string[];
  file: boolean;
}

/** What may follow a path of commands: `` (the root), `streams`, `streams ls`. */
export interface Place {
  path: string;
  commands: { name: string; summary: string }[];
  options: OptionWord[];
  /** Values of its arguments that are known beforehand. */
  values: string[];
  /** One of its arguments is a file. */
  file: boolean;
}

export interface Words {
  places: Place[];
  /** Options that may stand everywhere. */
  globals: OptionWord[];
}

/** The catalog as completion sees it. */
export const readWords = (catalog: readonly CommandSpec[]): Words => ({
  places: [
    { path: '', commands: catalog.map(nameAndSummary), options: [], values: [], file: false },
    ...catalog.flatMap((spec) => placesOf(spec, '')),
  ],
  globals: [
    ...globalOptionSpecs.map(toWord),
    { names: ['-h', '--help'], summary: 'help', takesValue: false, choices: [], file: false },
  ],
});

const nameAndSummary = ({ name, summary }: CommandSpec) => ({ name, summary });

function placesOf(spec: CommandSpec, above: string): Place[] {
  const path = above === '' ? spec.name : `${above} ${spec.name}`;
  const place: Place = {
    path,
    commands: (spec.commands ?? []).map(nameAndSummary),
    options: (spec.options ?? []).map(toWord),
    values: (spec.arguments ?? []).flatMap(({ choices }) => choices ?? []),
    file: (spec.arguments ?? []).some(({ kind }) => kind === 'file'),
  };
  return [place, ...(spec.commands ?? []).flatMap((inner) => placesOf(inner, path))];
}

function toWord({ flags, summary, choices, kind }: OptionSpec): OptionWord {
  return {
    names: flags.split(/[ ,]+/).filter((word) => word.startsWith('-')),
    summary,
    takesValue: flags.includes('<'),
    choices: choices ?? [],
    file: kind === 'file',
  };
}
