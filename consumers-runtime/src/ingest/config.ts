import { type CommonConfig, readCommonConfig } from '../shared/config.ts';
import { type Env, integer, text } from '../shared/env.ts';

/** What ingest-service reads from the environment (docs/runtime.md lists it). */
export interface IngestConfig extends CommonConfig {
  subject: string;
  /** Bearer token that `/ingest/hrv` asks for; undefined: none. */
  token: string | undefined;
  /** Secret of the HMAC-SHA256 over the body; undefined: none. */
  hmacSecret: string | undefined;
  /** Bytes of a body. */
  bodyLimit: number;
  /** ms until a client is told to come again, all tries together. */
  publishTimeoutMs: number;
}

/** Throws ConfigError. */
export function readIngestConfig(env: Env): IngestConfig {
  return {
    ...readCommonConfig(env, { serviceName: 'ingest-service', port: 4101, prometheusPort: 0 }),
    subject: 'athlete-ally.hrv.raw-received',
    token: text(env, 'INGEST_TOKEN'),
    hmacSecret: text(env, 'INGEST_HMAC_SECRET'),
    bodyLimit: integer(env, 'INGEST_BODY_LIMIT', 16_384, 64, 1_048_576),
    publishTimeoutMs: integer(env, 'INGEST_PUBLISH_TIMEOUT_MS', 8_000, 10, 60_000),
  };
}
