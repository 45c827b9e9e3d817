import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../cli/src/servers/index.ts';
import type { Setting } from './setting.ts';

/** A built aa-normalize as a process of its own. */
export interface Pod {
  pid: number;
  port: number;
  /** Resolves when it is bound and can write. */
  ready: Promise<void>;
  /** User and system time so far, ms. Linux only, else 0. */
  cpuMs(): number;
  /** VmHWM: the most that was ever resident, MiB. Linux only, else 0. */
  peakRssMiB(): number;
  stop(): Promise<void>;
}

const MAIN = fileURLToPath(new URL('../../consumers-runtime/dist/aa-normalize.js', import.meta.url));

export async function startPod(
  setting: Pick<Setting, 'nats' | 'postgres'>,
  env: Record<string, string> = {},
): Promise<Pod> {
  const port = await freePort();
  const child = spawn(process.execPath, [...(process.env.BENCH_NODE_ARGS?.split(' ') ?? []), MAIN], {
    env: {
      PATH: process.env.PATH,
      NATS_URL: setting.nats.url,
      DATABASE_URL: setting.postgres.url,
      EVENT_STREAM_MODE: 'multi',
      PORT: String(port),
      PROMETHEUS_PORT: '0',
      ...env,
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const endWithUs = (): void => void child.kill('SIGKILL');
  process.once('exit', endWithUs);
  return {
    pid: child.pid!,
    port,
    ready: waitUntilReady(port),
    peakRssMiB() {
      try {
        const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
        return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1_024;
      } catch {
        return 0;
      }
    },
    cpuMs() {
      try {
        const [user, system] = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(' ').slice(13, 15);
        return (Number(user) + Number(system)) * 10; // USER_HZ is 100 everywhere
      } catch {
        return 0;
      }
    },
    async stop() {
      child.kill('SIGTERM');
      await exited;
      process.removeListener('exit', endWithUs);
    },
  };
}

async function waitUntilReady(port: number): Promise<void> {
  for (;;) {
    const ok = await fetch(`http://127.0.0.1:${port}/readyz`).then(
      (response) => response.ok,
      () => false,
    );
    if (ok) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
