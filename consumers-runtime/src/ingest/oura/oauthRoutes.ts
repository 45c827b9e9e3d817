import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { problem, type Reply, type Route } from '../../shared/httpServer.ts';
import { type Log, messageOf } from '../../shared/log.ts';
import { isAuthorized } from '../authorize.ts';
import { readBody } from '../readBody.ts';
import { NotAllowed, OuraAway, type OuraClient } from './ouraClient.ts';
import type { Seal } from './seal.ts';
import type { Change, Held, Tokens, TokenStore } from './tokens.ts';

export interface OauthRoutesOptions {
  /** What services show that may ask for an athlete's tokens. */
  bearer: string;
  /** Where the browser goes behind the callback; undefined: it is told in JSON. */
  returnUrl: string | undefined;
  bodyLimit: number;
  client: OuraClient;
  store: TokenStore;
  seal: Seal;
  log: Log;
}

const PATH = '/oauth/oura';
/** ms that an athlete has for Oura's page. */
const CONSENT_MS = 600_000;
/** ms before its end from which on an access token is renewed. */
const RENEWED_BEFORE_MS = 60_000;
const MAX_USER_ID = 128;
const STATE = 'state';
/** Nobody on the way keeps a token or a code. */
const PRIVATE = { 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' };

/** What a `state` says: it is encrypted, so that it may go through the athlete's browser and Oura. */
interface Begun {
  userId: string;
  codeVerifier: string;
  untilMs: number;
}

/**
 * The OAuth flow (RFC 6749, 4.1, with PKCE) by which an athlete allows us to read at Oura, and what comes of it: access tokens for the services that read
 * there. `authorize`, `token` and `disconnect` are for services, `callback` for the athlete's browser.
 */
export function oauthRoutes(options: OauthRoutesOptions): Route[] {
  const { bearer, returnUrl, bodyLimit, client, store, seal, log } = options;
  /** Under way, by athlete: whoever asks meanwhile needs no connection of its own. */
  const renewals = new Map<string, Promise<Reply>>();

  /** A route for services: `{"userId": …}`, and the bearer token. */
  function forServices(path: string, handle: (userId: string) => Promise<Reply>): Route {
    return {
      method: 'POST',
      path: `${PATH}/${path}`,
      async handle(request) {
        const body = await readBody(request, bodyLimit);
        if (!body) return problem(413, 'too-large', `the body is larger than ${bodyLimit} bytes`);
        if (!isAuthorized({ token: bearer, hmacSecret: undefined }, request.headers, body))
          return {
            ...problem(401, 'unauthorized', 'no valid token'),
            headers: { 'www-authenticate': 'Bearer' },
          };
        const userId = userIdIn(body);
        if (userId === undefined)
          return problem(400, 'invalid-user', `userId must be a text of 1 to ${MAX_USER_ID} characters`, {
            field: 'userId',
          });
        try {
          return { ...(await handle(userId)), headers: PRIVATE };
        } catch (error) {
          return away(error);
        }
      },
    };
  }

  async function authorize(userId: string): Promise<Reply> {
    const codeVerifier = randomBytes(32).toString('base64url');
    const untilMs = Date.now() + CONSENT_MS;
    const state = seal.seal({ userId, codeVerifier, untilMs } satisfies Begun, STATE);
    const url = await client.authorizeUrl(state, codeVerifier);
    return { status: 200, json: { url, expiresAt: new Date(untilMs).toISOString() } };
  }

  async function callback(request: IncomingMessage): Promise<Reply> {
    // Whoever only looks where a link leads has not been sent by the athlete, and a code is good for one use.
    if (request.method === 'HEAD') return { status: 204, headers: PRIVATE };
    const { searchParams } = new URL(request.url ?? '/', 'http://localhost');
    const state = searchParams.get('state') ?? '';
    const begun = seal.open(state, STATE) as Begun | undefined;
    if (!begun || begun.untilMs < Date.now()) {
      const why = begun ? 'it took longer than 10 minutes' : 'state is none of ours';
      return arrived('failed', problem(400, 'invalid-state', `${why}: begin again`));
    }
    try {
      await store.read(begun.userId); // not without a place for what the code brings
      await store.save(begun.userId, await client.exchange(searchParams, state, begun.codeVerifier));
    } catch (error) {
      if (error instanceof NotAllowed)
        return arrived('denied', problem(403, 'not-allowed', `Oura says ${error.message}: begin again`));
      return arrived('failed', away(error));
    }
    log.info('[ingest-service] An athlete has connected Oura');
    return arrived('connected', { status: 200, json: { status: 'connected' } });
  }

  /** An athlete's browser is sent on, where it can be. */
  function arrived(outcome: 'connected' | 'denied' | 'failed', reply: Reply): Reply {
    if (returnUrl === undefined) return { ...reply, headers: { ...reply.headers, ...PRIVATE } };
    const url = new URL(returnUrl);
    url.searchParams.set('oura', outcome);
    return { status: 302, headers: { ...PRIVATE, location: url.href } };
  }

  async function token(userId: string): Promise<Reply> {
    const held = await store.read(userId);
    if (!isStale(held)) return answer(held);
    const running = renewals.get(userId) ?? renew(userId).finally(() => void renewals.delete(userId));
    renewals.set(userId, running);
    return running;
  }

  const renew = (userId: string): Promise<Reply> =>
    store.change(userId, async (held) => {
      if (!isStale(held)) return { answer: answer(held), change: 'kept' }; // another pod was first
      const { change, then } = await renewed(held);
      return { answer: answer(then), change };
    });

  async function renewed(held: Held): Promise<{ change: Change; then: Held }> {
    const refused = { change: 'refused' as const, then: { ...held, refused: true } };
    if (held.refreshToken === undefined) return refused;
    try {
      const tokens = await client.refresh(held.refreshToken, held.scope);
      return { change: { store: tokens }, then: { ...tokens, refused: false } };
    } catch (error) {
      if (!(error instanceof NotAllowed)) throw error;
      log.warn(`[ingest-service] Oura does not renew an athlete's token: ${error.message}`);
      return refused;
    }
  }

  function disconnect(userId: string): Promise<Reply> {
    return store.change(userId, async (held) => {
      if (held && held.accessToken !== '') await client.revoke(held.accessToken);
      return { answer: { status: 200, json: { status: 'disconnected' } }, change: 'removed' };
    });
  }

  function away(error: unknown): Reply {
    const who = error instanceof OuraAway ? 'Oura' : 'the database';
    log.warn(`[ingest-service] Oura's OAuth flow: ${who}: ${messageOf(error)}`);
    const code = error instanceof OuraAway ? 'oura-away' : 'database-away';
    return { ...problem(503, code, `${who} does not answer as it should`), headers: { 'retry-after': '5' } };
  }

  return [
    forServices('authorize', authorize),
    { method: 'GET', path: `${PATH}/callback`, handle: callback },
    forServices('token', token),
    forServices('disconnect', disconnect),
  ];
}

const isStale = (held: Held | undefined): held is Held =>
  held !== undefined && !held.refused && held.expiresAt.getTime() - Date.now() < RENEWED_BEFORE_MS;

function answer(held: (Tokens & { refused: boolean }) | undefined): Reply {
  if (!held) return problem(404, 'not-connected', 'the athlete has not connected Oura');
  if (held.refused)
    return problem(409, 'reconnect', 'Oura renews the token no more: the athlete has to allow it again');
  const { accessToken, expiresAt, scope } = held;
  return { status: 200, json: { accessToken, expiresAt: expiresAt.toISOString(), scope } };
}

function userIdIn(body: Uint8Array): string | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
    const userId = (value as { userId?: unknown } | null)?.userId;
    const isText = typeof userId === 'string' && userId !== '' && userId.length <= MAX_USER_ID;
    return isText && !userId.includes('\0') ? userId : undefined;
  } catch {
    return undefined;
  }
}
