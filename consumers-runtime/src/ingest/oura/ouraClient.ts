import * as oauth from 'oauth4webapi';
import { messageOf } from '../../shared/log.ts';
import type { OuraOauthConfig } from './oauthConfig.ts';
import type { Tokens } from './tokens.ts';

/** Oura takes the code, or the refresh token, no more: only the athlete can help. */
export class NotAllowed extends Error {
  override readonly name = 'NotAllowed';
}

/** Oura does not answer, or not as it should: nothing is known of the athlete. */
export class OuraAway extends Error {
  override readonly name = 'OuraAway';
}

/** Oura's OAuth endpoints, as its API's documentation has them (cloud.ouraring.com/docs/authentication). */
export interface OuraClient {
  /** Where the athlete's browser is sent. */
  authorizeUrl(state: string, codeVerifier: string): Promise<string>;
  /** What the callback's code is worth. Throws NotAllowed and OuraAway. */
  exchange(callback: URLSearchParams, state: string, codeVerifier: string): Promise<Tokens>;
  /** A refresh token is good for one use. Throws as `exchange` does. */
  refresh(refreshToken: string, scope: string): Promise<Tokens>;
  /** Resolves as well where Oura knows the token no more. Throws OuraAway. */
  revoke(accessToken: string): Promise<void>;
}

/** ms that Oura may take for an answer; below what the database waits for in the middle of a transaction. */
const ANSWER_MS = 10_000;
/** s that an access token is good for where Oura does not say. */
const DEFAULT_LIFETIME_S = 86_400;

export function createOuraClient(config: OuraOauthConfig): OuraClient {
  const { clientId, redirectUri, apiUrl } = config;
  const server: oauth.AuthorizationServer = {
    issuer: new URL(apiUrl).origin,
    authorization_endpoint: config.authorizeUrl,
    token_endpoint: `${apiUrl}/oauth/token`,
  };
  const client: oauth.Client = { client_id: clientId };
  const authentication = oauth.ClientSecretPost(config.clientSecret);
  const request = () => ({
    signal: AbortSignal.timeout(ANSWER_MS),
    [oauth.allowInsecureRequests]: true, // the configuration allows that for this machine only
  });

  return {
    async authorizeUrl(state, codeVerifier) {
      const url = new URL(config.authorizeUrl);
      const parameters = {
        response_type: 'code',
        client_id: clientId,
        redirect_uri: redirectUri,
        scope: config.scope,
        state,
        code_challenge: await oauth.calculatePKCECodeChallenge(codeVerifier),
        code_challenge_method: 'S256',
      };
      for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
      return url.href;
    },
    exchange: (callback, state, codeVerifier) =>
      allowed(async () => {
        const parameters = oauth.validateAuthResponse(server, client, callback, state);
        const response = await oauth.authorizationCodeGrantRequest(
          server,
          client,
          authentication,
          parameters,
          redirectUri,
          codeVerifier,
          request(),
        );
        const answer = await oauth.processAuthorizationCodeResponse(server, client, response);
        return tokensIn(answer, callback.get('scope') ?? config.scope);
      }),
    refresh: (refreshToken, scope) =>
      allowed(async () => {
        const response = await oauth.refreshTokenGrantRequest(
          server,
          client,
          authentication,
          refreshToken,
          request(),
        );
        return tokensIn(await oauth.processRefreshTokenResponse(server, client, response), scope);
      }),
    revoke: (accessToken) =>
      allowed(async () => {
        const url = new URL(`${apiUrl}/oauth/revoke`);
        url.searchParams.set('access_token', accessToken);
        const { status } = await fetch(url, { method: 'POST', signal: AbortSignal.timeout(ANSWER_MS) });
        if (status >= 500 || status === 429) throw new Error(`it answered ${status}`);
      }),
  };
}

function tokensIn(answer: oauth.TokenEndpointResponse, scope: string): Tokens {
  const lifetimeS = answer.expires_in ?? DEFAULT_LIFETIME_S;
  return {
    accessToken: answer.access_token,
    refreshToken: answer.refresh_token,
    expiresAt: new Date(Date.now() + lifetimeS * 1_000),
    scope: answer.scope ?? scope,
  };
}

/** What Oura says of the code or the refresh token; anything else (of the client, of the server, of the way there) says nothing of the athlete. */
const ATHLETES_ERRORS = new Set(['invalid_grant', 'access_denied']);

async function allowed<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    const said =
      error instanceof oauth.ResponseBodyError || error instanceof oauth.AuthorizationResponseError
        ? error.error
        : undefined;
    if (said !== undefined && ATHLETES_ERRORS.has(said)) throw new NotAllowed(said, { cause: error });
    throw new OuraAway(said ?? messageOf(error), { cause: error });
  }
}
