import type { TelemetryConfig } from './config.ts';
import type { Log } from './log.ts';

/** What OpenTelemetry is asked for; everything else goes through its API, which does nothing while no SDK is set up. */
export interface Telemetry {
  /** What it measured (HTTP, target_info), in Prometheus' text format. */
  metrics(): Promise<string>;
  /** Sends what is left, for a second at most. */
  stop(): Promise<void>;
}

const OFF: Telemetry = { metrics: async () => '', stop: async () => {} };

/** Sets up tracing and HTTP instrumentation for the process: for requests from now on, of servers that stand already as well. */
export async function startTelemetry(config: TelemetryConfig, log: Log): Promise<Telemetry> {
  if (!config.enabled) return OFF;
  const { startSdk } = await import('./telemetrySdk.ts');
  return startSdk(config, log);
}
