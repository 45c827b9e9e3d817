import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../consumers-runtime/dist/aa-normalize.js', import.meta.url));

/** Medians, ms: bare Node, and aa-normalize with telemetry on until it listens. In turns. */
export async function measureStartup(rounds: number): Promise<{ node: number; normalize: number }> {
  const node: number[] = [];
  const normalize: number[] = [];
  for (let i = 0; i < rounds; i++) {
    node.push(await time(['-e', '0'], undefined));
    normalize.push(await time([MAIN], 'Listening'));
  }
  const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1]!;
  return { node: median(node), normalize: median(normalize) };
}

/** Until it has exited, or printed the word; then it is ended. */
async function time(args: string[], word: string | undefined): Promise<number> {
  const started = performance.now();
  const child = spawn(process.execPath, args, {
    env: {
      NATS_URL: 'nats://127.0.0.1:1',
      DATABASE_URL: 'postgresql://x@127.0.0.1:1/x',
      PORT: '0',
      PROMETHEUS_PORT: '0',
    },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let took = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    if (word === undefined || took > 0 || !chunk.toString().includes(word)) return;
    took = performance.now() - started;
    child.kill('SIGKILL');
  });
  await new Promise((resolve) => child.once('close', resolve));
  return took || performance.now() - started;
}
