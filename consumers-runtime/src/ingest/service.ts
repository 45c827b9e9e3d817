import { collectDefaultMetrics, Counter, Registry } from 'prom-client';
import { unlessAborted } from '../shared/backoff.ts';
import { createHttpMetrics } from '../shared/httpMetrics.ts';
import { type Reply, type Route, startHttpServer } from '../shared/httpServer.ts';
import { injectTrace } from '../shared/injectTrace.ts';
import type { Service } from '../shared/lifecycle.ts';
import type { Log } from '../shared/log.ts';
import { metricsRoute } from '../shared/metricsRoute.ts';
import { type NatsLink, openNatsLink } from '../shared/natsLink.ts';
import { startTelemetry, type Telemetry } from '../shared/telemetry.ts';
import type { IngestConfig } from './config.ts';
import { hrvRoute } from './hrvRoute.ts';
import { webhookRoutes } from './oura/webhookRoutes.ts';
import { createPublish, type Publish } from './publish.ts';
import { createPublishHealth, type PublishHealth } from './publishHealth.ts';

/** Labels of what is published. */
const TOPIC = { hrv: 'hrv_raw_received', oura: 'vendor_oura_webhook_received' };

/**
 * Starts ingest-service: first the port, so that probes are answered; then telemetry, before
 * anything can be stored; then NATS, for as long as it takes. Resolves when it listens. Throws ConfigError.
 */
export async function startIngest(
  config: IngestConfig,
  migrations: URL,
  log: Log,
  signal: AbortSignal,
): Promise<Service> {
  log.info(`[event-bus] Stream mode: ${config.streamMode} (EVENT_STREAM_MODE="${config.streamModeGiven}")`);
  let telemetry: Telemetry | undefined;
  let link: NatsLink | undefined;
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const published = new Counter({
    name: 'event_bus_events_published_total',
    help: 'Events published to the bus by whether a stream stored them',
    labelNames: ['topic', 'status'],
    registers: [registry],
  });
  const doors: PublishHealth[] = [];
  const publishTo = (subject: string, topic: string): Publish => {
    const door = createPublishHealth();
    doors.push(door);
    for (const status of ['success', 'error']) published.inc({ topic, status }, 0);
    return createPublish({
      link: () => link,
      subject,
      timeoutMs: config.publishTimeoutMs,
      inject: injectTrace,
      onPublished(stored, why) {
        published.inc({ topic, status: stored ? 'success' : 'error' });
        door.record(stored, why);
      },
    });
  };

  const connected = (): boolean => link?.connected() ?? false;
  /** Tells more than /readyz does: where no stream takes events, taking the pods out of service would help nobody. */
  const health = (): Reply => {
    const failing = doors.map((door) => door.failing()).find((why) => why !== undefined);
    const healthy = connected() && failing === undefined;
    return {
      status: healthy ? 200 : 503,
      json: {
        status: healthy ? 'healthy' : 'unhealthy',
        service: 'ingest',
        eventBus: connected() ? 'connected' : 'disconnected',
        ...(connected() && failing !== undefined ? { error: `events are not stored: ${failing}` } : {}),
      },
    };
  };
  const verdict = (ok: boolean): Reply => ({
    status: ok ? 200 : 503,
    json: { status: ok ? 'ok' : 'not ok' },
  });
  const metricsPage = metricsRoute(registry, async () => (await telemetry?.metrics()) ?? '');

  const { oura, ouraOauth, bodyLimit } = config;
  const oauth = ouraOauth
    ? (await import('./oura/oauth.ts')).createOuraOauth(ouraOauth, { bodyLimit, migrations, log, signal })
    : undefined;
  /** Every door of the service: another vendor's webhook is one more line here. */
  const routes: Route[] = [
    hrvRoute({ secrets: config, bodyLimit, publish: publishTo(config.subject, TOPIC.hrv) }),
    ...(oura
      ? webhookRoutes({ secrets: oura, bodyLimit, publish: publishTo(oura.subject, TOPIC.oura) })
      : []),
    ...(oauth?.routes ?? []),
    { method: 'GET', path: '/health', handle: health },
    { method: 'GET', path: '/readyz', handle: () => verdict(connected() && !signal.aborted) },
    { method: 'GET', path: '/livez', handle: () => verdict(true) },
    metricsPage,
  ];
  const server = await startHttpServer({
    port: config.port,
    portVariable: 'PORT',
    routes,
    observe: createHttpMetrics(registry),
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
  log.info(`[ingest-service] Listening on port ${server.port}`, { metricsPort: metricsServer?.port ?? null });

  const begun = begin();

  async function begin(): Promise<void> {
    telemetry = await startTelemetry(config.telemetry, log);
    link = await openNatsLink({
      url: config.natsUrl,
      credsFile: config.natsCreds,
      name: 'ingest-service',
      log,
      signal,
    });
    const subjects = [config.subject, ...(oura ? [oura.subject] : [])];
    if (link) log.info(`[ingest-service] Publishing to ${subjects.join(', ')}`);
  }

  return {
    async stop() {
      const deadline = AbortSignal.timeout(config.stopTimeoutMs);
      await unlessAborted(server.stop(), deadline);
      await unlessAborted(begun, deadline);
      await link?.close(deadline);
      if (oauth) await unlessAborted(oauth.close(), deadline);
      await metricsServer?.stop();
      await telemetry?.stop();
    },
  };
}
