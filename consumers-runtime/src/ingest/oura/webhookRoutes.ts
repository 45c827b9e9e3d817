import { createHash, createHmac } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { problem, type Reply, type Route } from '../../shared/httpServer.ts';
import { isSame } from '../authorize.ts';
import { answerStored, type Publish } from '../publish.ts';
import { readBody } from '../readBody.ts';

export interface OuraSecrets {
  /** Ours (`OURA_WEBHOOK_SECRET`): signs what our own tools send. */
  webhookSecret: string;
  /** What a subscription was made with; Oura shows it when it asks for the challenge. */
  verificationToken: string;
  /** Oura's (`OURA_CLIENT_SECRET`), by which it signs notifications. */
  clientSecret: string | undefined;
}

export interface WebhookRoutesOptions {
  secrets: OuraSecrets;
  bodyLimit: number;
  publish: Publish;
}

const PATH = '/webhooks/oura';
const MAX_CHALLENGE = 1_024;

/**
 * Oura's webhook (API v2). `GET`, once for each new subscription: its challenge is given back to whoever knows the verification token. `POST`:
 * a notification, which only names what has changed; it is stored as it came, for whoever consumes the vendor's stream.
 */
export function webhookRoutes({ secrets, bodyLimit, publish }: WebhookRoutesOptions): Route[] {
  function verify(request: IncomingMessage): Reply {
    const { searchParams } = new URL(request.url ?? '/', 'http://localhost');
    const challenge = searchParams.get('challenge') ?? '';
    if (!isSame(searchParams.get('verification_token') ?? '', secrets.verificationToken))
      return problem(401, 'unauthorized', 'verification_token is not the one that this service was given');
    if (challenge === '' || challenge.length > MAX_CHALLENGE) {
      return problem(400, 'invalid-challenge', `challenge must have 1 to ${MAX_CHALLENGE} characters`, {
        field: 'challenge',
      });
    }
    return { status: 200, json: { challenge } };
  }

  async function receive(request: IncomingMessage): Promise<Reply> {
    const body = await readBody(request, bodyLimit);
    if (!body) return problem(413, 'too-large', `the body is larger than ${bodyLimit} bytes`);
    if (!isSigned(secrets, request.headers, body))
      return problem(401, 'unauthorized', 'no valid X-Oura-Signature');
    if (!isObject(body)) return problem(400, 'invalid-event', 'the notification is no JSON object');
    // Oura repeats a notification that was not answered in time, word for word.
    const id = `oura-${createHash('sha256').update(body).digest('hex')}`;
    return answerStored(() => publish(body, id));
  }

  return [
    { method: 'GET', path: PATH, handle: verify },
    { method: 'POST', path: PATH, handle: receive },
  ];
}

/**
 * `X-Oura-Signature`, in upper or lower case: as Oura signs, hex HMAC-SHA256 of `X-Oura-Timestamp` and body with the client secret, or, as our own
 * tools do, `sha256=<hex HMAC-SHA256 of the body>` with the webhook secret. How old the timestamp is decides nothing: Oura tries for an hour,
 * and a notification that comes twice makes somebody look twice.
 */
function isSigned(secrets: OuraSecrets, headers: IncomingHttpHeaders, body: Uint8Array): boolean {
  const { 'x-oura-signature': signature, 'x-oura-timestamp': timestamp } = headers;
  if (typeof signature !== 'string') return false;
  const given = signature.toLowerCase();
  const signs = (secret: string | undefined, prefix: string, signed: string): boolean =>
    secret !== undefined &&
    isSame(given, prefix + createHmac('sha256', secret).update(signed).update(body).digest('hex'));
  if (typeof timestamp !== 'string' || timestamp === '') return signs(secrets.webhookSecret, 'sha256=', '');
  return signs(secrets.clientSecret, '', timestamp) || signs(secrets.webhookSecret, '', timestamp);
}

function isObject(body: Uint8Array): boolean {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}
