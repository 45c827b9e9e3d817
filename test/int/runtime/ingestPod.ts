import { readIngestConfig } from '../../../consumers-runtime/src/ingest/config.ts';
import { startIngest } from '../../../consumers-runtime/src/ingest/service.ts';
import type { Log } from '../../../consumers-runtime/src/shared/log.ts';
import { type Bus, until } from './bus.ts';

/** An ingest-service in this process, on a port of its own. */
export interface IngestPod {
  url: string;
  port: number;
  stop(): Promise<void>;
}

/** Resolves once it listens; `ready`: once it is connected as well. */
export async function startIngestPod(
  bus: Bus,
  env: Record<string, string> = {},
  ready = true,
): Promise<IngestPod> {
  const lines: string[] = [];
  const write = (line: string): void => void lines.push(line);
  const log: Log = { info: write, warn: write, error: write };
  const stopping = new AbortController();
  const config = readIngestConfig({ NATS_URL: bus.nats.url, PORT: '0', TELEMETRY_ENABLED: 'false', ...env });
  const service = await startIngest(config, log, stopping.signal);
  const port = Number(/port (\d+)/.exec(lines.join())![1]);
  const url = `http://127.0.0.1:${port}`;
  if (ready) await until('ingest is ready', async () => (await fetch(`${url}/readyz`)).ok);
  return {
    url,
    port,
    stop() {
      stopping.abort();
      return service.stop();
    },
  };
}
