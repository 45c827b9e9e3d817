import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { catalog } from '../../../cli/src/frame/catalog.ts';
import { bashCompletion } from '../../../cli/src/frame/completion/bash.ts';
import { fishCompletion } from '../../../cli/src/frame/completion/fish.ts';
import { readWords } from '../../../cli/src/frame/completion/words.ts';
import { zshCompletion } from '../../../cli/src/frame/completion/zsh.ts';

const words = readWords(catalog);
const has = (shell: string): boolean => spawnSync(shell, ['-c', 'exit 0']).status === 0;

const folder = mkdtempSync(join(tmpdir(), 'aa-completion-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function written(script: string): string {
  const path = join(folder, 'script');
  writeFileSync(path, script);
  return path;
}

/** What bash offers for the last word of a line. */
function offered(...line: string[]): string[] {
  const script = `${bashCompletion(words)}
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _aa_ops; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = spawnSync('bash', ['-c', script, 'bash', 'aa-ops', ...line], {
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  return stdout.split('\n').filter(Boolean);
}

describe.skipIf(!has('bash'))('bash', () => {
  it('offers the commands, those of a group, and no options unless asked', () => {
    expect(offered('')).toEqual(catalog.map(({ name }) => name));
    expect(offered('--env', 'local', 'streams', '')).toEqual(['plan', 'apply', 'ls', 'info', 'view']);
    expect(offered('st')).toEqual(['streams', 'status']);
  });

  it("offers a command's own options and those of every command", () => {
    expect(offered('migrate', '--')).toEqual(expect.arrayContaining(['--to', '--resume', '--env']));
    expect(offered('status', '--')).not.toContain('--resume');
  });

  it('offers the values of an option, and of an argument', () => {
    expect(offered('plan', '--output', '')).toEqual(['text', 'json', 'yaml']);
    expect(offered('migrate', '--pause-before', 're')).toEqual(['restart-consumers', 'restart-producers']);
    expect(offered('completion', '')).toEqual(['bash', 'zsh', 'fish']);
  });

  it('offers files where files are meant', () => {
    expect(offered('plan', '--topology', 'packa')).toContain('package.json');
    expect(offered('plan', '--env', 'packa')).toEqual([]);
  });
});

describe.each([
  ['zsh', zshCompletion],
  ['fish', fishCompletion],
] as const)('%s', (shell, write) => {
  it('knows every command and option', () => {
    const script = write(words);
    for (const { commands, options } of words.places) {
      for (const { name } of commands) expect(script).toContain(name);
      for (const { names } of options)
        for (const name of names) expect(script).toContain(shell === 'fish' ? name.replace(/^-+/, '') : name);
    }
  });

  it.skipIf(!has(shell))('is a script that the shell reads', () => {
    const { stderr, status } = spawnSync(shell, ['-n', written(write(words))], { encoding: 'utf8' });
    expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
  });
});

it.skipIf(!has('fish'))('fish offers what may follow', () => {
  const offer = (line: string): string[] => {
    const { stdout } = spawnSync(
      'fish',
      ['-c', `source ${written(fishCompletion(words))}; complete -C '${line}'`],
      {
        encoding: 'utf8',
      },
    );
    return stdout
      .split('\n')
      .filter(Boolean)
      .map((one) => one.split('\t')[0] ?? '');
  };
  expect(offer('aa-ops streams ').sort()).toEqual(['apply', 'info', 'ls', 'plan', 'view']);
  expect(offer('aa-ops plan --output ').sort()).toEqual(['json', 'text', 'yaml']);
  expect(offer('aa-ops migrate --re')).toEqual(['--resume']);
});
