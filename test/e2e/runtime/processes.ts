import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Bus, until } from '../../int/runtime/bus.ts';
import { freePort } from '../../support/servers.ts';

/** A built service as a pod runs it: plain `node`, from another folder, nothing but its environment. */
export interface Process {
  child: ChildProcess;
  url: string;
  /** stdout and stderr so far. */
  output(): string;
  /** Exit code, or the signal that ended it. */
  exited: Promise<number | string>;
  signal(signal: NodeJS.Signals): void;
}

export async function start(
  service: 'aa-normalize' | 'aa-ingest',
  env: Record<string, string>,
  args: string[] = [],
): Promise<Process> {
  const main = fileURLToPath(new URL(`../../../consumers-runtime/dist/${service}.js`, import.meta.url));
  if (!existsSync(main)) throw new Error(`${main} is not built: run node scripts/build.mjs runtime`);
  const port = env.PORT ?? String(await freePort());
  const child = spawn(process.execPath, [...args, main], {
    cwd: '/',
    env: { PATH: process.env.PATH, PORT: port, PROMETHEUS_PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const endWithUs = (): void => void child.kill('SIGKILL');
  process.once('exit', endWithUs);
  const exited = new Promise<number | string>((resolve) =>
    child.once('close', (code, signal) => {
      process.removeListener('exit', endWithUs);
      resolve(code ?? signal ?? 'unknown');
    }),
  );
  return {
    child,
    url: `http://127.0.0.1:${port}`,
    output: () => output,
    exited,
    signal: (signal) => void child.kill(signal),
  };
}

export const isReady = ({ url }: Process): Promise<boolean> =>
  fetch(`${url}/readyz`).then(
    (response) => response.ok,
    () => false,
  );

/** A normalize pod that is ready. */
export async function startNormalize(
  bus: Bus,
  env: Record<string, string> = {},
  args: string[] = [],
): Promise<Process> {
  const pod = await start(
    'aa-normalize',
    { NATS_URL: bus.nats.url, DATABASE_URL: bus.postgres.url, ...env },
    args,
  );
  await until('a normalize pod is ready', () => isReady(pod));
  return pod;
}
