import { mkdirSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Child, startChild } from './child.ts';
import { findNatsServer, versionOf } from './findNats.ts';
import { askJetStream } from './natsProbe.ts';
import { freePort } from './ports.ts';
import { makeTempDir } from './tempDir.ts';
import { untilReady } from './until.ts';

/** A server that we started and that ends with us. */
export interface RunningServer {
  /** Of the process that runs now, or ran last. */
  readonly pid: number;
  /** SIGTERM, waits for the exit, SIGKILL after a bound. Removes the folder when it was a temporary one. */
  stop(): Promise<void>;
  /** SIGKILL now, waits for the exit. Keeps the folder: `restart` starts over it. */
  kill(): Promise<void>;
  /** Of the process that runs now, or ran last. */
  readonly exited: Promise<void>;
  /** The last 4 KiB of its output. */
  log(): string;
}

export interface NatsServer extends RunningServer {
  /** `nats://127.0.0.1:PORT` */
  readonly url: string;
  readonly port: number;
  readonly version: string;
  readonly dir: string;
  /** Stops it (unless it is gone already) and starts it again: same port, same store. */
  restart(): Promise<void>;
}

export interface NatsOptions {
  /** Default: what findNatsServer finds. */
  binary?: string;
  /** Configuration, store and log. Default: a temporary folder, removed by `stop`. */
  dir?: string;
  /** Default: a free one. */
  port?: number;
  /** Text of a nats-server configuration: accounts, tls, limits. Port, store and name are set by flags, which win. */
  config?: string;
  /** Default: `nats-server.log` in the folder. */
  logFile?: string;
  serverName?: string;
}

/** Routes of a cluster. */
export interface ClusterOptions {
  name: string;
  port: number;
  routes: string[];
  /** Host and port that the others are told to reach it by; default: its own. */
  advertise?: string;
}

const START_BOUND_MS = 30_000;
/** nats-server itself gives clients 10 s in lame duck mode only; a plain SIGTERM takes milliseconds. */
const STOP_BOUND_MS = 10_000;

/** Starts a nats-server with JetStream on 127.0.0.1 and waits until JetStream answers. Throws OpsError `server-start`. */
export const startNats = (options: NatsOptions = {}): Promise<NatsServer> => startNatsNode(options);

/** One node; in a cluster it is ready when it listens, since JetStream answers only once there is a leader. */
export async function startNatsNode(options: NatsOptions, cluster?: ClusterOptions): Promise<NatsServer> {
  const binary = options.binary ?? (await findNatsServer()).path;
  const version = await versionOf(binary);
  const dir = options.dir === undefined ? makeTempDir('nats') : resolve(options.dir);
  const port = options.port ?? (await freePort());
  const logFile = options.logFile ?? join(dir, 'nats-server.log');
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, 'nats-server.conf'), options.config ?? '');
  const name = options.serverName ?? (cluster ? `n${port}` : undefined);
  const args = ['--config', join(dir, 'nats-server.conf'), '--addr', '127.0.0.1', '--port', String(port)];
  args.push('--jetstream', '--store_dir', join(dir, 'store'));
  if (name) args.push('--name', name);
  if (cluster) {
    args.push('--cluster_name', cluster.name, '--cluster', `nats://127.0.0.1:${cluster.port}`);
    args.push('--routes', cluster.routes.join(','));
    if (cluster.advertise) args.push('--cluster_advertise', cluster.advertise);
  }

  const start = async (): Promise<Child> => {
    const child = await startChild({ command: binary, args, logFile });
    try {
      await untilReady(`nats-server on port ${port}`, child, START_BOUND_MS, async () => {
        // Its own word first: on a port that is taken, another server would answer.
        if (!child.log(65_536).includes('Server is ready'))
          throw new Error('it has not said that it is ready');
        if (!cluster) await askJetStream(port, 'INFO', undefined, 1_000);
      });
    } catch (error) {
      await child.end('SIGKILL', 0);
      throw error;
    }
    return child;
  };

  let child: Child;
  try {
    child = await start();
  } catch (error) {
    if (options.dir === undefined) await rm(dir, { recursive: true, force: true });
    throw error;
  }
  return {
    url: `nats://127.0.0.1:${port}`,
    port,
    version,
    dir,
    get pid() {
      return child.pid;
    },
    get exited() {
      return child.exited.then(() => {});
    },
    log: () => child.log(),
    kill: () => child.end('SIGKILL', 0),
    async stop() {
      await child.end('SIGTERM', STOP_BOUND_MS);
      if (options.dir === undefined) await rm(dir, { recursive: true, force: true });
    },
    async restart() {
      await child.end('SIGTERM', STOP_BOUND_MS);
      child = await start();
    },
  };
}
