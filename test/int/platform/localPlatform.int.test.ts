import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  DEFAULT_WORKLOADS,
  describePlatform,
  type LocalPlatformHandle,
  openLocalPlatform,
  readState,
  startLocalPlatform,
  takeDown,
} from '../../../cli/src/platform/local/index.ts';
import { probeNats } from '../../../cli/src/servers/natsProbe.ts';
import { killNine, startParent } from '../../support/parent.ts';
import { makeTempDir, startTimeOf } from '../../support/servers.ts';
import { standIn } from '../../support/standIn.ts';

const anyPorts = { nats: 'any', postgres: 'any', frontDoor: 'any' } as const;
const [normalize, ingest] = DEFAULT_WORKLOADS as [
  (typeof DEFAULT_WORKLOADS)[0],
  (typeof DEFAULT_WORKLOADS)[0],
];
const quiet = { timeoutMs: 30_000, onProgress: () => {} };
const folders: string[] = [];
const newDir = (): string => {
  const dir = makeTempDir('platform');
  folders.push(dir);
  return dir;
};
afterAll(async () => {
  for (const dir of folders) await takeDown(dir, { deleteData: true });
});

describe('a platform that is up', () => {
  let it: LocalPlatformHandle;
  let applied: { natsUrl: string; databaseUrl: string } | undefined;
  let podsAtApply: number | undefined;
  beforeAll(async () => {
    const dir = newDir();
    it = await startLocalPlatform({
      dir,
      ports: anyPorts,
      program: () => standIn,
      environment: { SLOW_MS: '5' },
      config: { EVENT_STREAM_MODE: 'single', EXTRA: 'kept' },
      async onReady(urls) {
        applied = urls;
        podsAtApply = readState(dir)!.pods.length;
      },
    });
  });
  afterAll(() => it?.stop());

  test('has applied the topology before the first pod', () => {
    expect(applied).toEqual({ natsUrl: it.natsUrl, databaseUrl: it.databaseUrl });
    expect(podsAtApply).toBe(0);
    expect(it.notReady).toBeUndefined();
  });

  test('gives pods the environment of the ConfigMap, where the servers are, and nothing else of ours', async () => {
    const [pod] = await it.platform.pods(normalize);
    const env = JSON.parse((await it.platform.get(pod!, '/env')).body) as Record<string, string>;
    expect(env).toMatchObject({
      EVENT_STREAM_MODE: 'single',
      FEATURE_SERVICE_MANAGES_STREAMS: 'false',
      FEATURE_SERVICE_MANAGES_CONSUMERS: 'false',
      EXTRA: 'kept',
      NATS_URL: it.natsUrl,
      DATABASE_URL: it.databaseUrl,
      POD_NAME: pod!.name,
      PORT: new URL(pod!.url!).port,
    });
    expect(env['PROMETHEUS_PORT']).toMatch(/^\d+$/);
    expect(Object.keys(env).filter((name) => /^(HOME|npm_|VITEST|AA_OPS)/.test(name))).toEqual([]);
  });

  test('tells other processes everything but needs its token', async () => {
    const platform = openLocalPlatform(it.dir);
    expect(await platform.natsUrl()).toBe(it.natsUrl);
    expect(await platform.databaseUrl()).toBe(it.databaseUrl);
    expect(await platform.frontDoor()).toBe(it.frontDoor);
    const { control } = readState(it.dir)!;
    expect((await fetch(`${control!.url}/pods`)).status).toBe(401);
    expect(statSync(join(it.dir, 'state.json')).mode & 0o077).toBe(0);
  });

  test('changes the ConfigMap, restarts pods into it, and refuses no request meanwhile', async () => {
    const platform = openLocalPlatform(it.dir);
    await platform.writeConfig({ EVENT_STREAM_MODE: 'multi' });
    expect(await platform.readMode()).toMatchObject({ mode: 'multi', data: { EXTRA: 'kept' } });
    expect((await platform.pods(ingest)).map((pod) => pod.mode)).toEqual(['single', 'single']);

    const bad: string[] = [];
    const pods = new Set<string>();
    let sending = true;
    const clients = Array.from({ length: 6 }, async () => {
      while (sending) {
        try {
          const response = await fetch(`${it.frontDoor}/ingest/hrv`, { method: 'POST', body: '{}' });
          const body = await response.text();
          if (response.status === 200) pods.add((JSON.parse(body) as { pod: string }).pod);
          else bad.push(`${response.status} ${body}`);
        } catch (error) {
          bad.push(String(error));
        }
      }
    });
    const lines: string[] = [];
    const result = await platform.restart(ingest, 'r1', {
      timeoutMs: 30_000,
      onProgress: (l) => lines.push(l),
    });
    sending = false;
    await Promise.all(clients);
    expect(result.status).toBe('done');
    expect(lines).toHaveLength(2);
    expect(bad).toEqual([]);
    expect([...pods].sort()).toEqual(expect.arrayContaining(['ingest-service-r1-1', 'ingest-service-r2-0']));
    expect((await platform.pods(ingest)).map((pod) => pod.mode)).toEqual(['multi', 'multi']);
    expect(await platform.restart(ingest, 'r1', quiet)).toMatchObject({ status: 'already' });
  });

  test('a restart goes on when whoever asked for it has gone', async () => {
    const stop = new AbortController();
    const onProgress = (): void => stop.abort();
    const asked = it.platform.restart(normalize, 'r2', {
      timeoutMs: 30_000,
      onProgress,
      signal: stop.signal,
    });
    await expect(asked).rejects.toThrow();
    await expect
      .poll(() => readState(it.dir)!.rollouts[normalize.name]!.done, { timeout: 20_000, interval: 20 })
      .toContain('r2');
    expect(await it.platform.restart(normalize, 'r2', quiet)).toMatchObject({ status: 'already' });
  });

  test('logs are those of the running generation when asked so', async () => {
    const [pod] = await it.platform.pods(normalize);
    const { process: mark, logFile } = readState(it.dir)!.pods.find(({ name }) => name === pod!.name)!;
    process.kill(mark!.pid, 'SIGKILL');
    await expect
      .poll(async () => (await it.platform.pods(normalize))[0], { timeout: 20_000 })
      .toMatchObject({
        restarts: 1,
        ready: true,
      });
    const of = async (sinceStart: boolean): Promise<string[]> =>
      (await it.platform.logs(normalize, { tail: 100, sinceStart })).find((log) => log.pod === pod!.name)!
        .lines;
    expect(await of(false)).toHaveLength(2);
    expect(await of(true)).toHaveLength(1);
    expect(readFileSync(logFile, 'utf8')).toContain('stand-in');
  });

  test('servers that end are started again where they were', async () => {
    process.kill(it.nats.pid, 'SIGKILL');
    process.kill(it.postgres.pid, 'SIGKILL');
    const restarts = async (): Promise<unknown> => {
      const { nats, postgres } = await describePlatform(it.dir);
      return [nats?.restarts, postgres?.restarts];
    };
    await expect.poll(restarts, { timeout: 30_000, interval: 20 }).toEqual([1, 1]);
    await probeNats(it.nats.port, undefined, 2_000);
    const client = new pg.Client({ connectionString: it.databaseUrl });
    await client.connect();
    await client.end();
  });

  test('a second supervisor of the folder is refused, with who holds it', async () => {
    const second = startLocalPlatform({ dir: it.dir, ports: anyPorts, program: () => standIn });
    await expect(second).rejects.toMatchObject({
      code: 'platform-running',
      message: expect.stringContaining(String(process.pid)) as string,
    });
    expect((await describePlatform(it.dir)).status).toBe('up');
  });
});

describe('up and down', () => {
  let it: LocalPlatformHandle | undefined;
  afterEach(() => it?.stop());
  const pidsOf = (dir: string): number[] => {
    const state = readState(dir)!;
    return [state.nats, state.postgres, ...state.pods].map((part) => part!.process!.pid);
  };

  test('down ends all; the next up finds ports, data and configuration again', async () => {
    const dir = newDir();
    it = await startLocalPlatform({ dir, ports: anyPorts, program: () => standIn });
    const { natsUrl, databaseUrl, frontDoor } = it;
    await it.platform.writeConfig({ EVENT_STREAM_MODE: 'multi' });
    await it.platform.restart(normalize, 'r1', quiet);
    const pids = pidsOf(dir);
    expect(await takeDown(dir)).toEqual({ result: 'down', leftovers: 0 });
    await it.stopped;
    expect(pids.filter((pid) => startTimeOf(pid))).toEqual([]);
    expect(await takeDown(dir)).toEqual({ result: 'already', leftovers: 0 });
    await expect(it.platform.pods(normalize)).rejects.toMatchObject({ code: 'platform-down' });

    it = await startLocalPlatform({ dir, ports: anyPorts, program: () => standIn });
    expect([it.natsUrl, it.databaseUrl, it.frontDoor]).toEqual([natsUrl, databaseUrl, frontDoor]);
    expect((await it.platform.pods(normalize)).map((pod) => pod.mode)).toEqual(['multi', 'multi']);
    expect(await it.platform.restart(normalize, 'r1', quiet)).toMatchObject({ status: 'already' });
  });

  test('pods that do not get ready are told, not waited for without end', async () => {
    const dir = newDir();
    const environment = { NEVER_READY: '1' };
    it = await startLocalPlatform({
      dir,
      ports: anyPorts,
      program: () => standIn,
      environment,
      readyMs: 500,
    });
    expect(it.notReady).toMatch(/was not ready within 500 ms: \/readyz answers 503/);
    expect((await fetch(it.frontDoor)).status).toBe(503);
  });

  test('what keeps it from starting takes down what had started', async () => {
    const dir = newDir();
    let natsPort = 0;
    const failing = startLocalPlatform({
      dir,
      ports: anyPorts,
      program: () => standIn,
      async onReady({ natsUrl }) {
        natsPort = Number(new URL(natsUrl).port);
        throw new Error('the topology was refused');
      },
    });
    await expect(failing).rejects.toThrow('the topology was refused');
    await expect(probeNats(natsPort, undefined, 2_000)).rejects.toThrow('ECONNREFUSED');
    expect(readState(dir)!.status).toBe('down');
  });

  test('a supervisor that is killed with -9 leaves nothing running, and the folder can be used again', async () => {
    const dir = newDir();
    const { process: supervisor, told } = await startParent<{ pids: number[] }>('platform.ts', dir);
    expect(told.pids).toHaveLength(6);
    expect((await describePlatform(dir)).status).toBe('up');
    await killNine(supervisor);
    const alive = (): number[] => told.pids.filter((pid) => startTimeOf(pid) !== undefined);
    await expect.poll(alive, { timeout: 10_000, interval: 20 }).toEqual([]);
    expect((await describePlatform(dir)).status).toBe('down');
    expect((await takeDown(dir)).result).toBe('cleaned');
    expect((await takeDown(dir)).result).toBe('already');
    it = await startLocalPlatform({ dir, ports: anyPorts, program: () => standIn });
    expect(it.notReady).toBeUndefined();
    await it.stop();
    await takeDown(dir, { deleteData: true });
    expect(existsSync(dir)).toBe(false);
  });
});
