import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { type Environment, OpsError } from '@aa-ops/topology';

export interface ConfirmWishes {
  question: string;
  environment: Environment;
  yes: boolean;
  /** The value of --confirm. */
  confirmed: string | undefined;
  /** Somebody can read the question and answer it. */
  interactive: boolean;
  input: Readable;
  output: Writable;
  signal: AbortSignal;
}

/**
 * Asks whether to go on. --yes answers, but not where the environment is protected: there its name is asked for, by
 * --confirm or on the terminal. Throws OpsError of kind `refused`: `confirm-missing`, `confirm-mismatch` or `declined`.
 */
export async function confirm(wishes: ConfirmWishes): Promise<void> {
  const { environment, confirmed } = wishes;
  if (confirmed !== undefined) {
    if (confirmed === environment.name) return;
    throw refusal(
      'confirm-mismatch',
      `--confirm ${confirmed} does not name the environment ${environment.name}`,
      `--confirm ${environment.name} if that is the one you mean`,
    );
  }
  if (environment.protected) return confirmByName(wishes);
  if (wishes.yes) return;
  if (!wishes.interactive)
    throw refusal('declined', `there is no terminal to ask: ${wishes.question}`, 'add --yes to go on');
  const answer = await ask(wishes, `${wishes.question} [y/N] `);
  if (!/^y(es)?$/i.test(answer)) throw refusal('declined', 'declined, nothing was changed');
}

async function confirmByName(wishes: ConfirmWishes): Promise<void> {
  const { name } = wishes.environment;
  if (!wishes.interactive || wishes.yes)
    throw refusal(
      'confirm-missing',
      `${name} is protected${wishes.yes ? ', and --yes is not enough' : ''}: ${wishes.question}`,
      `add --confirm ${name}`,
    );
  const answer = await ask(wishes, `${wishes.question}\n${name} is protected. Type its name to go on: `);
  if (answer !== name) throw refusal('declined', `declined: ${JSON.stringify(answer)} is not ${name}`);
}

/** One line from the terminal; the end of input counts as an empty one. */
function ask({ input, output, signal }: ConfirmWishes, question: string): Promise<string> {
  return new Promise((resolve, reject) => {
    // Not in raw mode: Ctrl-C stays a signal, and goes the way of all signals.
    const lines = createInterface({ input, output, terminal: false });
    const end = (settle: () => void): void => {
      signal.removeEventListener('abort', onAbort);
      lines.removeAllListeners();
      lines.close();
      settle();
    };
    const onAbort = (): void => end(() => reject(signal.reason as Error));
    lines.on('line', (line) => end(() => resolve(line.trim())));
    lines.on('close', () => end(() => resolve('')));
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort);
    output.write(question);
  });
}

const refusal = (code: string, message: string, hint?: string): OpsError =>
  new OpsError(code, message, { kind: 'refused', ...(hint !== undefined && { hint }) });
