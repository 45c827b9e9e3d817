import { createHash, randomBytes } from 'node:crypto';
import http from 'node:http';
import type { AddressInfo } from 'node:net';

export const CLIENT_ID = 'athlete-ally';
export const CLIENT_SECRET = 'of the application at Oura';

/**
 * Oura's OAuth endpoints, as far as our flow uses them, since Oura itself is not within reach of a test: codes and refresh tokens are good for one use,
 * a code only for who shows the verifier of its challenge, and nothing without the client's secret.
 */
export interface FakeOura {
  url: string;
  /** What an athlete's browser does who allows it: goes to this URL; answers where Oura sends it then. */
  allow(authorizeUrl: string, scope?: string): URL;
  deny(authorizeUrl: string): URL;
  /** Access tokens that are worth something. */
  readonly live: ReadonlySet<string>;
  /** Each request to the token endpoint by its grant, in turn. */
  readonly grants: string[];
  /** s that the tokens of the next answers are good for. */
  lifetimeS: number;
  /** What it answers instead, once for each. */
  readonly faults: ((response: http.ServerResponse) => void)[];
  /** While it is there, the token endpoint waits for it before it answers. */
  until: Promise<void> | undefined;
  /** No refresh token is worth anything any more. */
  forget(): void;
  stop(): Promise<void>;
}

export async function startFakeOura(redirectUri: string): Promise<FakeOura> {
  const codes = new Map<string, { challenge: string; scope: string }>();
  const refreshTokens = new Map<string, string>();
  const live = new Set<string>();
  const grants: string[] = [];
  const faults: FakeOura['faults'] = [];
  const oura: Pick<FakeOura, 'lifetimeS' | 'until'> = { lifetimeS: 86_400, until: undefined };

  const server = http.createServer((request, response) => void answer(request, response));
  const json = (response: http.ServerResponse, status: number, value: unknown): void => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
  };

  async function answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const url = new URL(request.url!, 'http://localhost');
    const fault = faults.shift();
    if (fault) return fault(response);
    if (url.pathname === '/oauth/revoke') {
      live.delete(url.searchParams.get('access_token') ?? '');
      return json(response, 200, {});
    }
    const form = new URLSearchParams(Buffer.concat(chunks).toString());
    grants.push(form.get('grant_type')!);
    if (form.get('client_id') !== CLIENT_ID || form.get('client_secret') !== CLIENT_SECRET)
      return json(response, 401, { error: 'invalid_client' });
    const scope = form.get('grant_type') === 'refresh_token' ? renewed(form) : exchanged(form);
    if (scope === undefined) return json(response, 400, { error: 'invalid_grant' });
    await oura.until;
    const [accessToken, refreshToken] = [token('access'), token('refresh')];
    live.add(accessToken);
    refreshTokens.set(refreshToken, scope);
    json(response, 200, {
      token_type: 'bearer',
      access_token: accessToken,
      refresh_token: refreshToken,
      expires_in: oura.lifetimeS,
    });
  }

  function exchanged(form: URLSearchParams): string | undefined {
    const code = form.get('code') ?? '';
    const known = codes.get(code);
    codes.delete(code);
    const shown = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url');
    if (!known || known.challenge !== shown || form.get('redirect_uri') !== redirectUri) return undefined;
    return known.scope;
  }

  function renewed(form: URLSearchParams): string | undefined {
    const given = form.get('refresh_token') ?? '';
    const scope = refreshTokens.get(given);
    refreshTokens.delete(given);
    return scope;
  }

  function back(authorizeUrl: string, what: Record<string, string>): URL {
    const asked = new URL(authorizeUrl).searchParams;
    if (asked.get('client_id') !== CLIENT_ID || asked.get('redirect_uri') !== redirectUri)
      throw new Error(`no such application: ${authorizeUrl}`);
    const url = new URL(redirectUri);
    for (const [name, value] of Object.entries({ ...what, state: asked.get('state')! }))
      url.searchParams.set(name, value);
    return url;
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(oura, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    live,
    grants,
    faults,
    allow(authorizeUrl: string, scope?: string) {
      const asked = new URL(authorizeUrl).searchParams;
      const code = token('code');
      const allowed = scope ?? asked.get('scope')!;
      codes.set(code, { challenge: asked.get('code_challenge')!, scope: allowed });
      return back(authorizeUrl, { code, scope: allowed });
    },
    deny: (authorizeUrl: string) => back(authorizeUrl, { error: 'access_denied' }),
    forget: () => refreshTokens.clear(),
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
}

const token = (what: string): string => `${what}-${randomBytes(8).toString('hex')}`;
