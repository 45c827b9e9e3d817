import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const bin = fileURLToPath(new URL('../../../dist/cli/aa-ops.js', import.meta.url));

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
  /** stdout as the one JSON document that it has to be. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  json: any;
}

/** Runs the built aa-ops to its end, without a terminal and without what this shell happens to set. */
export function aaOps(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const { NATS_URL: _url, AA_OPS_ENV: _env, ...clean } = process.env;
  const child = spawn(process.execPath, [bin, ...args], {
    env: { ...clean, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) =>
      resolve({
        code,
        stdout,
        stderr,
        get json() {
          return JSON.parse(stdout) as unknown;
        },
      }),
    );
  });
}
