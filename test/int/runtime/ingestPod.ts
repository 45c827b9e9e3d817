import { readIngestConfig } from '../../../consumers-runtime/src/ingest/config.ts';
import { startIngest } from '../../../consumers-runtime/src/ingest/service.ts';
import type { Log } from '../../../consumers-runtime/src/shared/log.ts';
import { type Bus, until } from './bus.ts';
import { MIGRATIONS } from './migrated.ts';

/** An ingest-service in this process, on a port of its own. */
export interface IngestPod {
  url: string;
  port: number;
  /** Everything it logged behind its level, oldest first. */
  lines: string[];
  stop(): Promise<void>;
}

/** Resolves once it listens; `ready`: once it is connected as well. */
export async function startIngestPod(
  bus: Bus,
  env: Record<string, string> = {},
  ready = true,
): Promise<IngestPod> {
  const lines: string[] = [];
  const write = (level: string) => (line: string) => void lines.push(`${level} ${line}`);
  const log: Log = { info: write('info'), warn: write('warn'), error: write('error') };
  const stopping = new AbortController();
  const config = readIngestConfig({ NATS_URL: bus.nats.url, PORT: '0', TELEMETRY_ENABLED: 'false', ...env });
  const service = await startIngest(config, MIGRATIONS, log, stopping.signal);
  const port = Number(/port (\d+)/.exec(lines.join())![1]);
  const url = `http://127.0.0.1:${port}`;
  if (ready) await until('ingest is ready', async () => (await fetch(`${url}/readyz`)).ok);
  return {
    url,
    port,
    lines,
    stop() {
      stopping.abort();
      return service.stop();
    },
  };
}
