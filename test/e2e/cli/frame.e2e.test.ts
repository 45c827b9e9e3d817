import { once } from 'node:events';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { AA_OPS, aaOps as run } from '../../support/cli.ts';

const topology = resolve('topology');
const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'aa-frame-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const aaOps = (...args: string[]) =>
  run(args, { cwd: folder, env: { NATS_URL: '', AA_OPS_ENV: '', AA_OPS_TOPOLOGY: '' } });

/** Every source that is loaded when this built file is, before anything is imported on demand. */
function sourcesLoadedWith(file: string, seen = new Set<string>()): string[] {
  if (seen.has(file)) return [];
  seen.add(file);
  const { sources } = JSON.parse(readFileSync(`${file}.map`, 'utf8')) as { sources: string[] };
  const imports = [...readFileSync(file, 'utf8').matchAll(/^(?:import|export)[^;]*?["'](\.[^"']+)["'];$/gm)];
  return [
    ...sources,
    ...imports.flatMap(([, path = '']) => sourcesLoadedWith(resolve(dirname(file), path), seen)),
  ];
}

describe('version and help', () => {
  it('are printed, on stdout, also as a document', async () => {
    for (const flag of ['--version', '-V'])
      expect(await aaOps(flag)).toMatchObject({ code: 0, stdout: `${version}\n`, stderr: '' });
    expect((await aaOps('--version', '--output', 'json')).json()).toEqual({ schemaVersion: 1, version });
    const help = await aaOps('--help');
    expect(help).toMatchObject({ code: 0, stderr: '' });
    expect(help.stdout).toMatch(/^Usage: aa-ops/);
    expect((await aaOps('help', 'plan')).stdout).toMatch(/^Usage: aa-ops plan/);
  });

  it('load nothing that they do not use', () => {
    const packages = (file: string): string[] => [
      ...new Set(
        sourcesLoadedWith(file).flatMap((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? []),
      ),
    ];
    expect(packages(AA_OPS)).toEqual([]);
    const main = /import\("(\.\/chunks\/main-[^"]+)"\)/.exec(readFileSync(AA_OPS, 'utf8'))?.[1] ?? '';
    expect(packages(resolve(dirname(AA_OPS), main))).toEqual(['commander']);
  });
});

describe('a wrong line', () => {
  it('ends with 64 and says what was meant', async () => {
    const result = await aaOps('plna');
    expect(result).toMatchObject({ code: 64, stdout: '' });
    expect(result.stderr).toBe("error: unknown command 'plna'\nhint: did you mean plan?\n");
  });

  it('is one document on stdout where one is asked for', async () => {
    const json = await aaOps('--output', 'json', 'plan', '--nonsense');
    expect(json.code).toBe(64);
    expect(json.json()).toEqual({
      schemaVersion: 1,
      error: { code: 'unknown-option', message: "unknown option '--nonsense'", hint: 'aa-ops plan --help' },
    });
    const yaml = await aaOps('streams', '-o', 'yaml');
    expect(yaml.code).toBe(64);
    expect(parseYaml(yaml.stdout)).toMatchObject({ error: { code: 'missing-command' } });
  });

  it('joins a stream of NDJSON progress', async () => {
    const { stderr, code } = await aaOps('plan', '--topology', topology, '--progress', 'ndjson');
    expect(code).toBe(64);
    const lines = stderr
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    expect(lines.at(-1)).toMatchObject({ level: 'error', code: 'environment-missing' });
  });

  it('has no power over the terminal', async () => {
    const evil = '\u001b[31m\u001b]0;owned\u0007\u009bx';
    for (const args of [[evil], ['plan', '--env', evil, '--topology', topology], ['plan', '--server', evil]])
      for (const output of ['text', 'json', 'yaml']) {
        const { code, stdout, stderr } = await aaOps(...args, '--output', output);
        expect(code).toBe(64);
        expect(stdout + stderr).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
      }
  });
});

describe('exit codes', () => {
  it.each([
    [0, ['validate', '--topology', topology]],
    [1, ['plan', '--topology', topology, '--env', 'local', '--server', 'nats://127.0.0.1:9']],
    [3, ['migrate', '--to', 'multi', '--topology', topology, '--env', 'local']],
    [64, ['plan', '--topology', topology, '--env', 'nowhere']],
    [64, ['streams', 'view', 'A', '--subject', 'a b', '--topology', topology, '--env', 'local']],
    [64, ['compare', 'A', 'B', '--subject', 'a b', '--topology', topology, '--env', 'local']],
    [64, ['plan', '--topology', '/nowhere', '--env', 'local']],
    [64, ['plan', '--topology', topology, '--env', 'local', '--server', 'http://x']],
    [64, ['plan', '--topology', topology, '--env', 'local', '--context', 'nobodys']],
  ])('%i: %j', async (code, args) => {
    const text = await aaOps(...args);
    expect(text.code).toBe(code);
    expect(text.stderr).not.toMatch(/^\s+at /m);
    if (code === 0) return;
    const json = await aaOps(...args, '--output', 'json');
    expect(json.code).toBe(code);
    expect(json.json()).toMatchObject({ schemaVersion: 1, error: { code: expect.any(String) as string } });
  });

  it('show a stack only with --verbose', async () => {
    const args = ['plan', '--topology', topology, '--env', 'local', '--server', 'nats://127.0.0.1:9'];
    expect((await aaOps(...args, '--verbose')).stderr).toMatch(/^\s+at /m);
  });

  it('never show the password of a server', async () => {
    const args = [
      'plan',
      '--topology',
      topology,
      '--env',
      'local',
      '--server',
      'nats://me:s3cret@127.0.0.1:9',
    ];
    const { stdout, stderr } = await aaOps(...args, '--verbose', '--output', 'json');
    expect(stdout + stderr).not.toContain('s3cret');
  });
});

describe('output', () => {
  it('arrives whole, though it is more than a pipe holds', async () => {
    const file = join(folder, 'wrong.yaml');
    writeFileSync(
      file,
      `version: 1\n${Array.from({ length: 2_000 }, (_, n) => `${'x'.repeat(500)}${n}: 1`).join('\n')}\n`,
    );
    const { code, stdout, json } = await aaOps('validate', '--topology', file, '--output', 'json');
    expect(code).toBe(64);
    expect(stdout.length).toBeGreaterThan(65_536);
    expect(json()).toMatchObject({ valid: false });
  });

  it('that nobody reads is no error', async () => {
    const { spawn } = await import('node:child_process');
    const child = spawn(process.execPath, [AA_OPS, 'completion', 'zsh'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout.destroy();
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const [code] = (await once(child, 'close')) as [number];
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  it.runIf(existsSync('/dev/full'))('that finds no room is an error that says so', async () => {
    const { spawn } = await import('node:child_process');
    const intoFull = async (...args: string[]): Promise<{ code: number; stderr: string }> => {
      const full = openSync('/dev/full', 'w');
      const child = spawn(process.execPath, [AA_OPS, ...args], { stdio: ['ignore', full, 'pipe'] });
      let stderr = '';
      child.stderr!.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
      const [code] = (await once(child, 'close')) as [number];
      closeSync(full);
      return { code, stderr };
    };
    const lost = await intoFull('validate', '--topology', topology);
    expect(lost.code).toBe(1);
    expect(lost.stderr).toMatch(/^error: the result cannot be written to stdout: ENOSPC/);
    const failed = await intoFull('plna', '--output', 'json');
    expect(failed.code).toBe(64);
    expect(failed.stderr).toContain("unknown command 'plna'");
  });

  it('has colours where they are wanted, and nowhere else', async () => {
    const coloured = await run(['--help'], { env: { FORCE_COLOR: '1', NO_COLOR: '' } });
    expect(coloured.stdout).toContain('\u001b[36m');
    const plain = await run(['--help', '--no-color'], { env: { FORCE_COLOR: '1', NO_COLOR: '' } });
    expect(plain.stdout).not.toContain('\u001b');
  });
});
