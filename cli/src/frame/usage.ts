import { OpsError } from '@aa-ops/topology';
import type { CommanderError } from 'commander';
import type { CommandSpec } from './spec.ts';

/** Commander's complaint as an OpsError `usage`: its own code without the prefix in kebab-case, its suggestion as the hint. */
export function explainUsage(
  error: CommanderError,
  argv: readonly string[],
  catalog: readonly CommandSpec[],
): OpsError {
  const path = commandPath(argv, catalog);
  const help = ['aa-ops', ...path, '--help'].join(' ');
  const code = error.code
    .replace(/^commander\./, '')
    .replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  // Commander shows a group's help where its command is missing.
  if (code === 'help') {
    return new OpsError(
      'missing-command',
      path.length > 0 ? `${path.join(' ')} needs a command` : 'no command given',
      { kind: 'usage', hint: help },
    );
  }
  const [first = '', ...rest] = error.message.replace(/^error: /, '').split('\n');
  // "option '--timeout <duration>' argument 'x' is invalid. <what the reader of the value says>"
  const [, complaint = first, advice] = /^(.* is invalid)\. (.*)$/.exec(first) ?? [];
  const suggestion = /\(Did you mean (.*)\?\)/.exec(rest.join(' '))?.[1];
  return new OpsError(code, complaint.replace(/\.$/, ''), {
    kind: 'usage',
    hint: suggestion ? `did you mean ${suggestion}?` : (lowerFirst(advice?.replace(/\.$/, '')) ?? help),
  });
}

const lowerFirst = (text: string | undefined): string | undefined =>
  text && text.charAt(0).toLowerCase() + text.slice(1);

/** The names of the commands on a line, as far as they are known: only for the hint. */
function commandPath(argv: readonly string[], catalog: readonly CommandSpec[]): string[] {
  const path: string[] = [];
  let here = catalog;
  for (const word of argv) {
    const spec = here.find(({ name }) => name === word);
    if (!spec) continue;
    path.push(word);
    here = spec.commands ?? [];
  }
  return path;
}
