import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { Environment } from '@aa-ops/topology';
import { confirm } from '../../../cli/src/frame/confirm.ts';
import { interruption } from '../../../cli/src/frame/failure.ts';

interface Case {
  isProtected?: boolean;
  yes?: boolean;
  confirmed?: string;
  /** What is typed; undefined: there is no terminal. */
  typed?: string;
}

/** `yes`, or the code of the refusal. */
async function outcome({ isProtected = false, yes = false, confirmed, typed }: Case): Promise<string> {
  const input = new PassThrough();
  const output = new PassThrough();
  if (typed !== undefined) input.end(typed);
  return confirm({
    question: 'Go?',
    environment: { name: 'staging', protected: isProtected } as Environment,
    yes,
    confirmed,
    interactive: typed !== undefined,
    input,
    output,
    signal: new AbortController().signal,
  }).then(
    () => 'yes',
    (error: { code: string; kind: string }) => `${error.kind} ${error.code}`,
  );
}

describe('a confirmation', () => {
  it.each<[Case, string]>([
    [{}, 'refused declined'],
    [{ yes: true }, 'yes'],
    [{ typed: 'y\n' }, 'yes'],
    [{ typed: 'YES\n' }, 'yes'],
    [{ typed: '\n' }, 'refused declined'],
    [{ typed: 'yess\n' }, 'refused declined'],
    [{ typed: '' }, 'refused declined'],
    [{ confirmed: 'staging' }, 'yes'],
    [{ confirmed: 'production', yes: true }, 'refused confirm-mismatch'],
    [{ isProtected: true }, 'refused confirm-missing'],
    [{ isProtected: true, yes: true }, 'refused confirm-missing'],
    [{ isProtected: true, yes: true, typed: 'staging\n' }, 'refused confirm-missing'],
    [{ isProtected: true, typed: 'y\n' }, 'refused declined'],
    [{ isProtected: true, typed: 'staging\n' }, 'yes'],
    [{ isProtected: true, confirmed: 'staging' }, 'yes'],
    [{ isProtected: true, confirmed: 'Staging', yes: true }, 'refused confirm-mismatch'],
  ])('%j: %s', async (given, expected) => expect(await outcome(given)).toBe(expected));

  it('ends with the signal while it waits', async () => {
    const controller = new AbortController();
    const reason = interruption('SIGINT');
    const asked = confirm({
      question: 'Go?',
      environment: { name: 'staging', protected: false } as Environment,
      yes: false,
      confirmed: undefined,
      interactive: true,
      input: new PassThrough(),
      output: new PassThrough(),
      signal: controller.signal,
    });
    controller.abort(reason);
    await expect(asked).rejects.toBe(reason);
  });
});
