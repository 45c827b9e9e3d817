import { ConfigError } from '../../shared/configError.ts';
import { bearer, type Env, required, secret, text } from '../../shared/env.ts';
import { KEY_BYTES } from './seal.ts';

/** What the OAuth flow needs; it is open where `OURA_TOKEN_KEY` is set. */
export interface OuraOauthConfig {
  clientId: string;
  clientSecret: string;
  /** The callback as the athlete's browser reaches it, and as it is registered at Oura. */
  redirectUri: string;
  /** Where the browser goes from there; undefined: it is told in JSON. */
  returnUrl: string | undefined;
  /** With blanks between them. */
  scope: string;
  authorizeUrl: string;
  apiUrl: string;
  /** The first one encrypts, each of them decrypts. */
  tokenKeys: Uint8Array[];
  /** Bearer token of the services that may begin the flow and read athletes' tokens. */
  bearer: string;
  databaseUrl: string;
}

const WHY = "Oura's OAuth flow needs it (OURA_TOKEN_KEY is set)";

/** Throws ConfigError where some of it is missing. */
export function readOuraOauth(env: Env): OuraOauthConfig | undefined {
  const keys = secret(env, 'OURA_TOKEN_KEY');
  if (keys === undefined) return undefined;
  return {
    clientId: required(env, 'OURA_CLIENT_ID', WHY),
    clientSecret: required(env, 'OURA_CLIENT_SECRET', WHY),
    redirectUri: safeUrl('OURA_REDIRECT_URI', required(env, 'OURA_REDIRECT_URI', WHY)),
    returnUrl: optionalUrl(env, 'OURA_RETURN_URL'),
    scope:
      text(env, 'OURA_SCOPES')
        ?.split(/[\s,]+/)
        .join(' ') ?? 'daily',
    authorizeUrl: optionalUrl(env, 'OURA_AUTHORIZE_URL') ?? 'https://cloud.ouraring.com/oauth/authorize',
    apiUrl: (optionalUrl(env, 'OURA_API_URL') ?? 'https://api.ouraring.com').replace(/\/+$/, ''),
    tokenKeys: keys.split(',').map(keyOf),
    bearer: bearer('OURA_OAUTH_TOKEN', required(env, 'OURA_OAUTH_TOKEN', WHY)),
    databaseUrl: required(env, 'DATABASE_URL', WHY),
  };
}

/** The value is never shown. */
function keyOf(value: string): Uint8Array {
  const key = Buffer.from(value.trim(), 'base64');
  if (key.length !== KEY_BYTES)
    throw new ConfigError(
      `OURA_TOKEN_KEY is not ${KEY_BYTES} bytes in base64 (several with commas, the first one encrypts): \`openssl rand -base64 ${KEY_BYTES}\` makes one`,
    );
  return key;
}

const optionalUrl = (env: Env, name: string): string | undefined => {
  const value = text(env, name);
  return value === undefined ? undefined : safeUrl(name, value);
};

/** Codes and tokens go over it: anything but a name of this machine has to be HTTPS. */
function safeUrl(name: string, value: string): string {
  const { protocol, hostname } = URL.canParse(value) ? new URL(value) : { protocol: '', hostname: '' };
  const isLocal = ['localhost', '127.0.0.1', '[::1]'].includes(hostname);
  if (protocol === 'https:' || (protocol === 'http:' && isLocal)) return value;
  throw new ConfigError(`${name}="${value}" is no URL of HTTPS`);
}
