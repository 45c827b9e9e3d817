import { ErrorCode, type NatsConnection, NatsError } from 'nats';
import { OpsError } from '../errors.ts';
import { type ConnectSettings, DEFAULT_TIMEOUT_MS } from './connect.ts';
import { JetStreamError, JsError } from './jsError.ts';

export type ApiRequest = <T>(subject: string, body?: unknown) => Promise<T>;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** `$JS.API`, or `$JS.<domain>.API`. */
export const apiPrefixOf = (settings: Pick<ConnectSettings, 'domain'>): string =>
  settings.domain ? `$JS.${settings.domain}.API` : '$JS.API';

/** The raw request: `$JS.API.<subject>`, JSON both ways; throws JetStreamError or an OpsError that tells why nobody answered. */
export function apiRequest(
  connection: NatsConnection,
  settings: Pick<ConnectSettings, 'domain' | 'timeoutMs'>,
): ApiRequest {
  const prefix = apiPrefixOf(settings);
  const timeout = settings.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  return async <T>(subject: string, body?: unknown): Promise<T> => {
    const full = `${prefix}.${subject}`;
    let reply;
    try {
      reply = await connection.request(
        full,
        body === undefined ? undefined : encoder.encode(JSON.stringify(body)),
        { timeout },
      );
    } catch (error) {
      throw requestError(error, full, timeout);
    }
    const parsed = JSON.parse(decoder.decode(reply.data)) as T & {
      error?: { code: number; err_code?: number; description?: string };
    };
    if (parsed.error) throw refusal(new JetStreamError(full, parsed.error), full);
    return parsed;
  };
}

/** What the server answered instead. An account without JetStream comes to the same as a server without it. */
function refusal(error: JetStreamError, subject: string): OpsError {
  if (error.errCode !== JsError.notEnabledForAccount) return error;
  return new OpsError(
    'jetstream-absent',
    `JetStream is off for this account (err_code ${error.errCode}, ${subject})`,
    {
      hint: 'start nats-server with -js, or use credentials of an account that has JetStream',
      cause: error,
    },
  );
}

/** Why a request got no answer, as an error that a person can act on. */
export function requestError(error: unknown, subject: string, timeout: number): OpsError {
  const code = error instanceof NatsError ? error.code : '';
  if (code === ErrorCode.NoResponders) {
    return new OpsError(
      'jetstream-absent',
      `nobody answers ${subject}: JetStream is off for this server, account or domain`,
      {
        hint: 'start nats-server with -js, or use credentials of an account that has JetStream',
        cause: error,
      },
    );
  }
  const inboxes = code === ErrorCode.PermissionsViolation ? refusedInboxes(error as NatsError) : undefined;
  if (inboxes !== undefined) {
    return new OpsError(
      'right-missing',
      `these credentials may not subscribe to ${inboxes}, where the answer to ${subject} comes`,
      {
        hint: `grant the subscribe permission ${inboxes}, or name the inbox prefix that they may use in a nats context (inbox_prefix)`,
        details: { right: `subscribe ${inboxes}` },
        cause: error,
      },
    );
  }
  if (code === ErrorCode.PermissionsViolation) {
    return new OpsError('right-missing', `these credentials may not publish to ${subject}`, {
      hint: `grant the publish permission ${subject}`,
      details: { right: `publish ${subject}` },
      cause: error,
    });
  }
  if (code === ErrorCode.Timeout) {
    return new OpsError('nats-timeout', `${subject} was not answered within ${timeout} ms`, {
      hint: 'the server is slow, has no JetStream leader, or these credentials may not receive the answer; raise --timeout',
      cause: error,
    });
  }
  return new OpsError('nats-lost', `the connection failed while asking ${subject}: ${String(error)}`, {
    hint: 'is the server restarting? run the command again; aa-ops status shows whether a run is open',
    cause: error,
  });
}

/** The inboxes that may not be heard, where that is what the server refused: the client names one as `PREFIX.ID.*`. */
function refusedInboxes({ permissionContext }: NatsError): string | undefined {
  return permissionContext?.operation === 'subscription'
    ? permissionContext.subject.replace(/(\.[^.]+){2}$/, '.>')
    : undefined;
}
