import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { fill, type Setting } from './setting.ts';
import { median } from '../median.ts';

const MAIN = fileURLToPath(new URL('../../consumers-runtime/dist/aa-normalize.js', import.meta.url));

/** Medians, ms. */
export interface Startup {
  node: number;
  /** Telemetry on: until the port is open and probes are answered. */
  listens: number;
  /** Telemetry on: until everything is loaded, the table is migrated and the durable bound. */
  bound: number;
}

/** In turns, the last one against real servers. */
export async function measureStartup(setting: Setting, rounds: number): Promise<Startup> {
  await fill(setting, 0);
  const servers = { NATS_URL: setting.nats.url, DATABASE_URL: setting.postgres.url };
  const node: number[] = [];
  const listens: number[] = [];
  const bound: number[] = [];
  for (let i = 0; i < rounds; i++) {
    node.push(await time(['-e', '0']));
    listens.push(await time([MAIN], 'Listening'));
    bound.push(await time([MAIN], 'consumer bound', servers));
  }
  return { node: median(node), listens: median(listens), bound: median(bound) };
}

const NOWHERE = { NATS_URL: 'nats://127.0.0.1:1', DATABASE_URL: 'postgresql://x@127.0.0.1:1/x' };

/** Until it has exited, or printed the word; then it is ended. */
async function time(args: string[], word?: string, servers = NOWHERE): Promise<number> {
  const started = performance.now();
  const child = spawn(process.execPath, args, {
    env: { ...servers, EVENT_STREAM_MODE: 'multi', PORT: '0', PROMETHEUS_PORT: '0' },
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
