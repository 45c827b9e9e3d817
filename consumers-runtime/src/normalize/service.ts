import { collectDefaultMetrics, Registry } from 'prom-client';
import { createHttpMetrics } from '../shared/httpMetrics.ts';
import { startHttpServer } from '../shared/httpServer.ts';
import type { Service } from '../shared/lifecycle.ts';
import type { Log } from '../shared/log.ts';
import { metricsRoute } from '../shared/metricsRoute.ts';
import { startTelemetry, type Telemetry } from '../shared/telemetry.ts';
import type { NormalizeConfig } from './config.ts';
import { healthRoutes } from './health.ts';
import { createNormalizeMetrics } from './metrics.ts';
import type { Work } from './work.ts';

/**
 * Starts normalize-service: first the port, so that probes are answered; then telemetry and the work, whose modules are
 * two thirds of a start. Resolves when it listens. Throws ConfigError.
 */
export async function startNormalize(
  config: NormalizeConfig,
  migrations: URL,
  log: Log,
  signal: AbortSignal,
): Promise<Service> {
  log.info(`[event-bus] Stream mode: ${config.streamMode} (EVENT_STREAM_MODE="${config.streamModeGiven}")`);
  log.info(`[normalize-service] Stream candidates: ${config.candidates.join(', ')}`);
  log.info(`[normalize-hrv] DLQ subject prefix: ${config.dlqPrefix}`);

  let telemetry: Telemetry | undefined;
  let work: Work | undefined;
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const metrics = createNormalizeMetrics(registry, config.durable, {
    binding: () => work?.binding(),
    oldestHeldMs: () => work?.oldestHeldMs() ?? 0,
    held: () => work?.held() ?? 0,
  });

  const observe = createHttpMetrics(registry);
  const metricsPage = metricsRoute(registry, async () => (await telemetry?.metrics()) ?? '');
  const health = healthRoutes({
    natsConnected: () => work?.natsConnected() ?? false,
    databaseConnected: () => work?.databaseConnected() ?? false,
    binding: () => work?.binding(),
    sinceLastBatchMs: () => work?.sinceLastBatchMs(),
    oldestHeldMs: () => work?.oldestHeldMs() ?? 0,
    sinceProgressMs: () => work?.sinceProgressMs() ?? 0,
    unburied: () => work?.unburied() ?? 0,
    stopping: () => signal.aborted,
  });
  const server = await startHttpServer({
    port: config.port,
    portVariable: 'PORT',
    routes: [...health, metricsPage],
    observe,
    log,
  });
  const metricsServer =
    config.prometheusPort === 0
      ? undefined
      : await startHttpServer({
          port: config.prometheusPort,
          portVariable: 'PROMETHEUS_PORT',
          routes: [metricsPage],
          log,
        });
  log.info(`[normalize-service] Listening on port ${server.port}`, {
    metricsPort: metricsServer?.port ?? null,
  });

  const begun = begin();

  async function begin(): Promise<void> {
    telemetry = await startTelemetry(config.telemetry, log);
    const { startWork } = await import('./work.ts');
    if (!signal.aborted) work = startWork({ config, migrations, metrics, log, signal });
  }

  return {
    async stop() {
      const deadline = AbortSignal.timeout(config.stopTimeoutMs);
      await begun;
      await work?.stop(deadline);
      await Promise.all([server.stop(), metricsServer?.stop()]);
      await telemetry?.stop();
    },
  };
}
