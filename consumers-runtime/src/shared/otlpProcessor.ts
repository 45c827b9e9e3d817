import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';

/** Sends spans over HTTP; endpoint, headers and time-outs come from the OTEL_EXPORTER_OTLP_* variables. In a file of its own, so that it is loaded only where an endpoint is set. */
export const createOtlpProcessor = (): BatchSpanProcessor => new BatchSpanProcessor(new OTLPTraceExporter());
