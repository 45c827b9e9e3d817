import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

export interface Secrets {
  token: string | undefined;
  hmacSecret: string | undefined;
}

/**
 * Whether a request may come in: nothing is asked when neither secret is set; else `Authorization: Bearer <token>` or
 * `X-Signature: sha256=<hex HMAC-SHA256 of the body>`, whichever is configured (either, when both are). `X-Ingest-Token: <token>` is
 * for whoever comes through a proxy that keeps `Authorization` for itself, as Kubernetes' API server does.
 */
export function isAuthorized(secrets: Secrets, headers: IncomingHttpHeaders, body: Uint8Array): boolean {
  if (secrets.token === undefined && secrets.hmacSecret === undefined) return true;
  return (
    hasToken(secrets.token, headers.authorization) ||
    hasToken(secrets.token, bearerOf(headers['x-ingest-token'])) ||
    hasSignature(secrets.hmacSecret, headers['x-signature'], body)
  );
}

const bearerOf = (token: string | string[] | undefined): string | undefined =>
  typeof token === 'string' ? `Bearer ${token}` : undefined;

function hasToken(token: string | undefined, header: string | undefined): boolean {
  const given = /^Bearer +(\S+) *$/i.exec(header ?? '')?.[1];
  return token !== undefined && given !== undefined && isSame(given, token);
}

function hasSignature(
  secret: string | undefined,
  header: string | string[] | undefined,
  body: Uint8Array,
): boolean {
  if (secret === undefined || typeof header !== 'string') return false;
  const given = header.replace(/^sha256=/i, '').toLowerCase();
  return isSame(given, createHmac('sha256', secret).update(body).digest('hex'));
}

/** Takes as long for a wrong value as for the right one, of any length. */
export function isSame(given: string, expected: string): boolean {
  const digest = (value: string): Buffer => createHash('sha256').update(value).digest();
  return timingSafeEqual(digest(given), digest(expected));
}
