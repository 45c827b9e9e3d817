import { ConfigError } from './configError.ts';
import { choice, type Env, flag, integer, ratio, required, text } from './env.ts';
import { parseNatsUrl } from './natsUrl.ts';

export type StreamMode = 'single' | 'multi';

/** What both services read from the environment. */
export interface CommonConfig {
  natsUrl: string;
  /** Path of a `.creds` file; undefined: what the URL says. */
  natsCreds: string | undefined;
  streamMode: StreamMode;
  /** As it was given, for the log line that operators grep. */
  streamModeGiven: string;
  port: number;
  /** 0: no second listener. Any other: /metrics there as well. */
  prometheusPort: number;
  telemetry: TelemetryConfig;
  /** ms that SIGTERM may take; Kubernetes kills after 30 s. */
  stopTimeoutMs: number;
}

export interface TelemetryConfig {
  enabled: boolean;
  serviceName: string;
  /** Share of new traces that are recorded; a caller's own decision wins (parent based). */
  sampleRatio: number;
  /** Where spans go (OTLP over HTTP); undefined: nowhere. */
  otlpEndpoint: string | undefined;
}

/** The defaults that differ between the services. */
export interface ServiceDefaults {
  serviceName: string;
  port: number;
  prometheusPort: number;
}

/** Throws ConfigError on a value that cannot be used, and on FEATURE_SERVICE_MANAGES_STREAMS=true. */
export function readCommonConfig(env: Env, defaults: ServiceDefaults): CommonConfig {
  refuseStreamManagement(env);
  const natsUrl = required(env, 'NATS_URL', 'the NATS servers, such as nats://127.0.0.1:4223');
  parseNatsUrl(natsUrl);
  const streamMode = choice(env, 'EVENT_STREAM_MODE', ['single', 'multi'], 'single');
  return {
    natsUrl,
    natsCreds: text(env, 'NATS_CREDS'),
    streamMode,
    streamModeGiven: text(env, 'EVENT_STREAM_MODE') ?? '',
    port: integer(env, 'PORT', defaults.port, 0, 65_535),
    prometheusPort: integer(env, 'PROMETHEUS_PORT', defaults.prometheusPort, 0, 65_535),
    telemetry: {
      enabled: flag(env, 'TELEMETRY_ENABLED', true),
      serviceName: text(env, 'OTEL_SERVICE_NAME') ?? defaults.serviceName,
      sampleRatio: ratio(env, 'OTEL_TRACES_SAMPLER_ARG', 0.01),
      otlpEndpoint:
        httpUrl(env, 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT') ?? httpUrl(env, 'OTEL_EXPORTER_OTLP_ENDPOINT'),
    },
    stopTimeoutMs: integer(env, 'STOP_TIMEOUT_MS', 20_000, 0, 600_000),
  };
}

/** The value is never shown: a key may stand in it in any place. */
function httpUrl(env: Env, name: string): string | undefined {
  const value = text(env, name);
  if (value === undefined || (URL.canParse(value) && /^https?:$/.test(new URL(value).protocol))) return value;
  throw new ConfigError(`${name} is no URL of HTTP, such as http://collector:4318`);
}

/** Pods know subjects and durables, never the configuration of a stream: whoever sets this expects what will not happen. */
function refuseStreamManagement(env: Env): void {
  if (flag(env, 'FEATURE_SERVICE_MANAGES_STREAMS', false)) {
    throw new ConfigError(
      'FEATURE_SERVICE_MANAGES_STREAMS="true" is not supported: services do not create or change streams. ' +
        'Set it to false and run `aa-ops streams apply`',
    );
  }
}
