import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** The built command: what users run. `npm test` builds it first. */
export const AA_OPS = fileURLToPath(new URL('../../dist/cli/aa-ops.js', import.meta.url));

export interface CliResult {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  /** stdout as the one JSON document that it is. */
  json<T = Record<string, unknown>>(): T;
}

export interface CliOptions {
  env?: Record<string, string>;
  cwd?: string;
  /** A command and its arguments that runs ours: another machine's name, say. */
  through?: readonly string[];
  /** Called with each line of stderr: the place to send a signal at a known moment. */
  onProgress?(line: string, child: ChildProcess): void;
}

/** Runs aa-ops under plain node, without a terminal, and waits for its end. */
export function aaOps(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  return new Promise((resolve, reject) => {
    const [command, ...rest] = [...(options.through ?? []), process.execPath, AA_OPS, ...args];
    const child = spawn(command!, rest, {
      env: { ...process.env, NO_COLOR: '1', ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    createInterface({ input: child.stderr }).on('line', (line) => {
      stderr += `${line}\n`;
      options.onProgress?.(line, child);
    });
    child.on('error', reject);
    child.on('close', (code, signal) =>
      resolve({ code, signal, stdout, stderr, json: <T>() => JSON.parse(stdout) as T }),
    );
  });
}
