import { readNormalizeConfig } from '../../../consumers-runtime/src/normalize/config.ts';
import { startNormalize } from '../../../consumers-runtime/src/normalize/service.ts';
import type { Log } from '../../../consumers-runtime/src/shared/log.ts';
import { type Bus, until } from './bus.ts';

/** A normalize-service inside the test's own process. */
export interface Pod {
  url: string;
  /** Everything it logged, oldest first. */
  lines: string[];
  /** As on SIGTERM. */
  stop(): Promise<void>;
  health(): Promise<{
    status: number;
    body: { services: Record<string, string>; work: Record<string, unknown> };
  }>;
  /** The value of one series in /metrics; 0 when it is not there. */
  metric(series: string): Promise<number>;
}

const MIGRATIONS = new URL('../../../consumers-runtime/migrations/', import.meta.url);

/** Starts one; with `ready` false it may well be missing something. */
export async function startPod(bus: Bus, env: Record<string, string> = {}, ready = true): Promise<Pod> {
  const lines: string[] = [];
  const write = (message: string): void => void lines.push(message);
  const log: Log = { info: write, warn: write, error: write };
  const stopping = new AbortController();
  const config = readNormalizeConfig({
    NATS_URL: bus.nats.url,
    DATABASE_URL: bus.postgres.url,
    PORT: '0',
    PROMETHEUS_PORT: '0',
    TELEMETRY_ENABLED: 'false',
    ...env,
  });
  const service = await startNormalize(config, MIGRATIONS, log, stopping.signal);
  const port = /port (\d+)/.exec(lines.find((line) => line.includes('Listening on port'))!)![1]!;
  const url = `http://127.0.0.1:${port}`;
  if (ready) await until('a pod is ready', async () => (await fetch(`${url}/readyz`)).ok);
  return {
    url,
    lines,
    async stop() {
      stopping.abort();
      await service.stop();
    },
    async health() {
      const response = await fetch(`${url}/health`);
      return { status: response.status, body: (await response.json()) as never };
    },
    async metric(series) {
      const text = await (await fetch(`${url}/metrics`)).text();
      const line = text.split('\n').find((one) => one.startsWith(`${series} `));
      return line === undefined ? 0 : Number(line.slice(series.length + 1));
    },
  };
}

/** The series of normalize_hrv_messages_total for a result. */
export const messagesTotal = (result: string, stream = 'ATHLETE_ALLY_EVENTS'): string =>
  `normalize_hrv_messages_total{result="${result}",subject="athlete-ally.hrv.raw-received",stream="${stream}",durable="normalize-hrv-durable"}`;
