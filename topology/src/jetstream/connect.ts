import {
  connect as natsConnect,
  type ConnectionOptions,
  createInbox,
  ErrorCode,
  type NatsConnection,
  NatsError,
} from 'nats';
import { messageOf, OpsError } from '../errors.ts';
import { readAuthenticator, readTls } from './credentials.ts';

/** Everything that is needed to reach an account. JSON-safe, so that it can be handed to another process over a pipe. */
export interface ConnectSettings {
  servers: string[];
  /** Shown in the server's connection list. */
  name?: string;
  user?: string;
  password?: string;
  token?: string;
  /** Path of a .creds file. */
  credsFile?: string;
  /** Path of a file that holds an nkey seed. */
  nkeyFile?: string;
  tls?: { caFile?: string; certFile?: string; keyFile?: string; handshakeFirst?: boolean };
  /** JetStream domain, if the account is reached through one. */
  domain?: string;
  inboxPrefix?: string;
  /** ms that one request or the first connection may take. */
  timeoutMs?: number;
}

export const DEFAULT_TIMEOUT_MS = 5_000;

/** Never part of a message: a URL may carry a password. */
export const redactUrl = (url: string): string => url.replace(/\/\/.*@/s, '//***@');

/** The client keeps the prefix for its own requests, and tells nobody. */
const inboxPrefixes = new WeakMap<NatsConnection, string>();

/** A new subject for answers, where the credentials of this connection may hear them. */
export const newInbox = (connection: NatsConnection): string => createInbox(inboxPrefixes.get(connection));

/**
 * Opens one connection. Throws OpsError `nats-unreachable` (nobody answered), `nats-auth` (refused) or `nats-tls`; before it asks anybody, what
 * `readAuthenticator` and `readTls` throw.
 * Reconnects for ever after the first success: a handover outlives a server restart.
 */
export async function openConnection(settings: ConnectSettings): Promise<NatsConnection> {
  const timeout = settings.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const shown = settings.servers.map(redactUrl).join(', ');
  const options: ConnectionOptions = {
    servers: settings.servers,
    name: settings.name ?? 'aa-ops',
    timeout,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 100,
    reconnectJitter: 100,
    reconnectJitterTLS: 100,
    pingInterval: 5_000,
    maxPingOut: 3,
    ...(settings.inboxPrefix ? { inboxPrefix: settings.inboxPrefix } : {}),
    ...(settings.user === undefined ? {} : { user: settings.user }),
    ...(settings.password === undefined ? {} : { pass: settings.password }),
    ...(settings.token === undefined ? {} : { token: settings.token }),
  };
  const authenticator = await readAuthenticator(settings);
  if (authenticator) options.authenticator = authenticator;
  if (settings.tls) options.tls = await readTls(settings.tls);
  try {
    const connection = await natsConnect(options);
    if (settings.inboxPrefix) inboxPrefixes.set(connection, settings.inboxPrefix);
    return connection;
  } catch (error) {
    throw connectError(error, shown, timeout);
  }
}

function connectError(error: unknown, servers: string, timeout: number): OpsError {
  const code = error instanceof NatsError ? error.code : undefined;
  const cause = { cause: error };
  if (
    code === ErrorCode.AuthorizationViolation ||
    code === ErrorCode.AuthenticationExpired ||
    code === ErrorCode.BadAuthentication ||
    code === ErrorCode.AuthenticationTimeout
  ) {
    return new OpsError('nats-auth', `${servers} refused the credentials: ${messageOf(error)}`, {
      hint: 'pass --creds, --nkey or --context, or correct them',
      ...cause,
    });
  }
  if (code === ErrorCode.ServerOptionNotAvailable && messageOf(error) === 'tls') {
    return new OpsError('nats-tls', `${servers} offers no TLS`, {
      hint: 'write nats://HOST:PORT where the server has none, and leave the --tls-* options away',
      ...cause,
    });
  }
  if (/certificate|tls|ssl|self.signed/i.test(messageOf(error))) {
    return new OpsError('nats-tls', `the TLS handshake with ${servers} failed: ${messageOf(error)}`, {
      hint: 'pass --tls-ca (and --tls-cert, --tls-key), and use the host name of the certificate',
      ...cause,
    });
  }
  const waited = code === ErrorCode.Timeout ? ` within ${timeout} ms` : '';
  return new OpsError(
    'nats-unreachable',
    `no NATS server answered at ${servers}${waited}: ${messageOf(error)}`,
    {
      hint: 'check --server (or NATS_URL); for the local platform: aa-ops dev up',
      ...cause,
    },
  );
}
