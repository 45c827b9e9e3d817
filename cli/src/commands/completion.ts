import { OpsError } from '@aa-ops/topology';
import { catalog } from '../frame/catalog.ts';
import type { CommandContext, CommandResult } from '../frame/command.ts';
import { bashCompletion } from '../frame/completion/bash.ts';
import { fishCompletion } from '../frame/completion/fish.ts';
import { readWords } from '../frame/completion/words.ts';
import { zshCompletion } from '../frame/completion/zsh.ts';

const SHELLS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion };

/** The completion script of a shell, made of the catalog. */
export async function run(_context: CommandContext, { shell }: { shell: string }): Promise<CommandResult> {
  const write = SHELLS[shell as keyof typeof SHELLS];
  if (!write) {
    throw new OpsError('shell-unknown', `there is no completion for ${shell}`, {
      kind: 'usage',
      hint: `choose one of ${Object.keys(SHELLS).join(', ')}`,
    });
  }
  const script = write(readWords(catalog));
  return { json: { schemaVersion: 1, shell, script }, text: script };
}
