import { createRequire } from 'node:module';
import { context, metrics, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, ParentBasedSampler } from '@opentelemetry/sdk-trace-base';
import type { TelemetryConfig } from './config.ts';
import { type Log, messageOf } from './log.ts';
import { rootSampler } from './rootSampler.ts';
import type { Telemetry } from './telemetry.ts';

/** ms that the last spans may take at a stop. */
const FLUSH_MS = 1_000;

/** The SDK, wired by hand: `sdk-node` would bring every exporter there is. */
export async function startSdk(config: TelemetryConfig, log: Log): Promise<Telemetry> {
  const resource = resourceFromAttributes({ 'service.name': config.serviceName });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());

  const spanProcessors =
    config.otlpEndpoint === undefined ? [] : [(await import('./otlpProcessor.ts')).createOtlpProcessor()];
  const tracerProvider = new BasicTracerProvider({
    resource,
    sampler: new ParentBasedSampler({ root: rootSampler(config.sampleRatio) }),
    spanProcessors,
  });
  trace.setGlobalTracerProvider(tracerProvider);

  // A reader that serves nothing: its document is appended to prom-client's, so that there is one registry on every port.
  const reader = new PrometheusExporter({ preventServerStart: true });
  const serializer = new PrometheusSerializer();
  const meterProvider = new MeterProvider({ resource, readers: [reader] });
  metrics.setGlobalMeterProvider(meterProvider);
  instrumentHttp();
  // The host only: credentials may stand before it, and keys behind it.
  const to = config.otlpEndpoint ? `sent to ${new URL(config.otlpEndpoint).host}` : 'not sent anywhere';
  log.info(`[telemetry] On: ${config.sampleRatio * 100} % of new traces are recorded and ${to}`);

  return {
    async metrics() {
      const { resourceMetrics, errors } = await reader.collect();
      for (const error of errors) log.warn(`[telemetry] ${messageOf(error)}`);
      return serializer.serialize(resourceMetrics);
    },
    async stop() {
      const bound = new Promise((resolve) => setTimeout(resolve, FLUSH_MS).unref());
      await Promise.race([tracerProvider.shutdown().catch(() => {}), bound]);
    },
  };
}

/** Queries that no span shows: Oura's secret at the webhook's challenge, and what its OAuth flow's callback brings. */
const REDACTED = ['verification_token', 'code', 'state'];

/**
 * The instrumentation patches a module when it is required. Ours imports `node:http` as an ES module, before this runs
 * and past that hook: requiring it once patches the prototype of the very same server class. Without this line nothing
 * ever shows up, which is what the handoff report saw.
 */
function instrumentHttp(): void {
  new HttpInstrumentation({
    redactedQueryParamsServer: REDACTED,
  }).enable();
  createRequire(import.meta.url)('http');
}
