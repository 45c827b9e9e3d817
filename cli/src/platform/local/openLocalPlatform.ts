import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Workload } from '@aa-ops/topology';
import type { Platform, Pod } from '../platform.ts';
import { MODE_KEY, readConfigMap } from './configMap.ts';
import { fetchPods, followRestart, requireUp, sendConfig } from './controlClient.ts';
import type { PodState } from './state.ts';

const GET_TIMEOUT_MS = 5_000;
/** The most that is read of one log. */
const LOG_BYTES = 4 << 20;

/**
 * The platform that a supervisor runs in `dir`, from any process. Nothing is opened until it is asked for something. Its methods throw OpsError
 * `platform-down` when no supervisor runs there; the URLs are undefined then.
 */
export function openLocalPlatform(dir: string): Platform {
  const folder = resolve(dir);
  const podsOf = async (workload: Workload): Promise<PodState[]> =>
    (await fetchPods(folder)).filter((pod) => pod.workload === workload.name);
  const fromState = async (pick: (state: ReturnType<typeof requireUp>) => string | undefined) => {
    try {
      return pick(requireUp(folder));
    } catch {
      return undefined;
    }
  };
  return {
    kind: 'local',
    name: `local (${dir})`,
    async readMode() {
      const data = readConfigMap(folder) ?? {};
      return { mode: data[MODE_KEY], data };
    },
    writeConfig: (data) => sendConfig(folder, data),
    async pods(workload) {
      return (await podsOf(workload)).map(asPod);
    },
    restart: ({ name }, id, { timeoutMs, onProgress, signal }) =>
      followRestart(folder, { workload: name, id, timeoutMs }, onProgress, signal),
    async logs(workload, { tail, sinceStart }) {
      return (await podsOf(workload)).map((pod) => ({
        pod: pod.name,
        lines: tailLines(pod.logFile, sinceStart ? pod.logOffset : 0, tail),
      }));
    },
    async get(pod, path) {
      if (!pod.url) throw new Error(`pod ${pod.name} has no address`);
      const response = await fetch(new URL(path, pod.url), { signal: AbortSignal.timeout(GET_TIMEOUT_MS) });
      return { status: response.status, body: await response.text() };
    },
    frontDoor: () => fromState((state) => state.frontDoor?.url),
    databaseUrl: () => fromState((state) => state.postgres?.url),
    natsUrl: () => fromState((state) => state.nats?.url),
    close: async () => {},
  };
}

const asPod = ({ process: _process, logFile: _logFile, logOffset: _logOffset, ...pod }: PodState): Pod => pod;

function tailLines(file: string, from: number, count: number): string[] {
  let fd: number;
  try {
    fd = openSync(file, 'r');
  } catch {
    return [];
  }
  try {
    const { size } = fstatSync(fd);
    const start = Math.max(from, size - LOG_BYTES);
    const buffer = Buffer.alloc(Math.max(0, size - start));
    const read = readSync(fd, buffer, 0, buffer.length, start);
    const lines = buffer.toString('utf8', 0, read).split('\n');
    if (lines.at(-1) === '') lines.pop();
    return count > 0 ? lines.slice(-count) : [];
  } finally {
    closeSync(fd);
  }
}
