import { type CommonConfig, readCommonConfig } from '../shared/config.ts';
import { ConfigError } from '../shared/configError.ts';
import { bearer, type Env, integer, secret, text } from '../shared/env.ts';
import { type OuraOauthConfig, readOuraOauth } from './oura/oauthConfig.ts';
import type { OuraSecrets } from './oura/webhookRoutes.ts';

/** What ingest-service reads from the environment (docs/runtime.md lists it). */
export interface IngestConfig extends CommonConfig {
  subject: string;
  /** Undefined: Oura's webhook has no door. */
  oura: (OuraSecrets & { subject: string }) | undefined;
  /** Undefined: nobody can connect Oura. */
  ouraOauth: OuraOauthConfig | undefined;
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
  const token = secret(env, 'INGEST_TOKEN');
  return {
    ...readCommonConfig(env, { serviceName: 'ingest-service', port: 4101, prometheusPort: 0 }),
    subject: 'athlete-ally.hrv.raw-received',
    oura: readOura(env),
    ouraOauth: readOuraOauth(env),
    token: token === undefined ? undefined : bearer('INGEST_TOKEN', token),
    hmacSecret: secret(env, 'INGEST_HMAC_SECRET'),
    bodyLimit: integer(env, 'INGEST_BODY_LIMIT', 16_384, 64, 1_048_576),
    publishTimeoutMs: integer(env, 'INGEST_PUBLISH_TIMEOUT_MS', 8_000, 10, 60_000),
  };
}

function readOura(env: Env): IngestConfig['oura'] {
  const webhookSecret = text(env, 'OURA_WEBHOOK_SECRET');
  const clientSecret = text(env, 'OURA_CLIENT_SECRET');
  const verificationToken = text(env, 'OURA_VERIFICATION_TOKEN');
  if (webhookSecret === undefined) {
    if (verificationToken !== undefined)
      throw new ConfigError(
        'OURA_VERIFICATION_TOKEN is set and OURA_WEBHOOK_SECRET is not: set both or neither',
      );
    return undefined;
  }
  return {
    subject: 'vendor.oura.webhook.received',
    webhookSecret,
    verificationToken: verificationToken ?? webhookSecret,
    clientSecret,
  };
}
