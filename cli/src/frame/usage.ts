import { OpsError } from '@aa-ops/topology';
import type { CommanderError } from 'commander';

/** Commander's complaint as an OpsError `usage`: its own code without the prefix in kebab-case, its suggestion as the hint. */
export function explainUsage(error: CommanderError, argv: readonly string[]): OpsError {
  const code = error.code
    .replace(/^commander\./, '')
    .replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  // Commander shows a group's help where its command is missing.
  if (code === 'help') {
    const group = argv.filter((word) => !word.startsWith('-'))[0];
    return new OpsError('missing-command', group ? `${group} needs a command` : 'no command given', {
      kind: 'usage',
      hint: group ? `aa-ops help ${group}` : 'aa-ops --help',
    });
  }
  const [first = '', ...rest] = error.message.replace(/^error: /, '').split('\n');
  // "option '--timeout <duration>' argument 'x' is invalid. <what the reader of the value says>"
  const [, complaint = first, advice] = /^(.* is invalid)\. (.*)$/.exec(first) ?? [];
  const suggestion = /\(Did you mean (.*)\?\)/.exec(rest.join(' '))?.[1];
  return new OpsError(code, complaint.replace(/\.$/, ''), {
    kind: 'usage',
    hint: suggestion
      ? `did you mean ${suggestion}?`
      : (lowerFirst(advice?.replace(/\.$/, '')) ?? 'aa-ops --help'),
  });
}

const lowerFirst = (text: string | undefined): string | undefined =>
  text && text.charAt(0).toLowerCase() + text.slice(1);
