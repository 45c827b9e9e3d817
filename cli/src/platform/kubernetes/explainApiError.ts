import { messageOf, OpsError } from '@aa-ops/topology';
import type { Connection } from './connection.ts';
import { describeRight, type Right, roleRules } from './rights.ts';

/** What a request asks for, as RBAC names it: enough to say which right it lacks. */
export type Asked = Pick<Right, 'verb' | 'apiGroup' | 'resource'> & { name?: string };

/** The API server's answer above 299, as the client throws it. */
interface Answer {
  code: number;
  body: unknown;
}

/** The HTTP status of an answer that the client threw; undefined: there was no answer. */
export function statusOf(error: unknown): number | undefined {
  const { code } = error as Partial<Answer>;
  return typeof code === 'number' ? code : undefined;
}

/** What the API server itself says: the message of its Status. */
export function messageOfAnswer(error: unknown): string {
  const { body } = error as Partial<Answer>;
  const parsed = typeof body === 'string' ? tryParse(body) : body;
  const message = (parsed as { message?: unknown } | undefined)?.message;
  return typeof message === 'string'
    ? message
    : typeof body === 'string' && body
      ? body.slice(0, 300)
      : messageOf(error);
}

/** Overloaded, restarting, without a leader, or behind a proxy that says so: the same request may be answered a moment later. */
const PASSING_STATUS: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);
/** Connections that somebody refused, cut or never answered. A certificate that does not fit stays so. */
const PASSING_CODES =
  /^(ECONNREFUSED|ECONNRESET|ECONNABORTED|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENETDOWN|EAI_AGAIN|ENOTFOUND|ERR_STREAM_PREMATURE_CLOSE)$/;

/** Whether nobody answered just then. */
export function isAway(error: unknown): boolean {
  const status = statusOf(error);
  if (status !== undefined) return PASSING_STATUS.has(status);
  const { name, code, message } = error as { name?: string; code?: string; message?: string };
  return (
    name === 'AbortError' ||
    PASSING_CODES.test(code ?? '') ||
    /socket hang up|premature close/i.test(message ?? '')
  );
}

/**
 * What went wrong with a request, for good: `platform-away` nobody answered · `kubernetes-forbidden` the right that is missing,
 * and the rule that grants it · `kubernetes-unauthorized` · `kubernetes-missing` · `kubernetes-conflict` · `kubernetes-refused`.
 */
export function explainApiError(
  error: unknown,
  asked: Asked,
  connection: Connection,
  waitedMs: number,
): OpsError {
  const { namespace, server } = connection;
  const right = describeRight(asked, asked.name);
  const details = { ...asked, namespace };
  const status = statusOf(error);
  const says = messageOfAnswer(error);
  if (isAway(error)) {
    const reason = status === undefined ? reasonOfSilence(error) : `${status} ${says}`;
    const seconds = Math.round(waitedMs / 1_000);
    return new OpsError(
      'platform-away',
      `the API server ${server} does not answer: ${reason} (${right}, asked for ${seconds} s)`,
      {
        hint: 'see that it can be reached from here (kubectl get --raw /readyz), then type the command again',
        details: { ...details, server },
      },
    );
  }
  switch (status) {
    case 401: {
      const credentials =
        connection.context === undefined ? 'this service account' : `context ${connection.context}`;
      return new OpsError(
        'kubernetes-unauthorized',
        `the API server ${server} does not know who asks: ${says}`,
        { hint: `renew the credentials of ${credentials}`, details },
      );
    }
    case 403: {
      const user = /User "([^"]+)"/.exec(says)?.[1] ?? 'this user';
      const rule = JSON.stringify(
        roleRules([{ ...asked, ...(asked.name ? { names: [asked.name] } : {}), for: '' }])[0],
      );
      return new OpsError(
        'kubernetes-forbidden',
        `missing right: ${right} in namespace ${namespace}, as ${user}`,
        {
          hint: `add to its Role: ${rule}; aa-ops preflight names all that are missing`,
          details: { ...details, user },
        },
      );
    }
    case 404:
      return new OpsError('kubernetes-missing', `not found: ${right} in namespace ${namespace}: ${says}`, {
        hint: 'correct the name in the topology, or make it (pulumi up)',
        details,
      });
    case 409:
      return new OpsError(
        'kubernetes-conflict',
        `conflict with another writer: ${right} in namespace ${namespace}: ${says}`,
        { hint: 'see who else changes it, then type the command again', details },
      );
    default: {
      const code = status ?? 'no answer';
      return new OpsError(
        'kubernetes-refused',
        `the API server ${server} refuses ${right} in namespace ${namespace}: ${code}, ${says}`,
        { hint: 'its message says why; credentials and certificates are those of the kubeconfig', details },
      );
    }
  }
}

function reasonOfSilence(error: unknown): string {
  const { name, code } = error as { name?: string; code?: string };
  return name === 'AbortError' ? 'no answer in time' : (code ?? messageOf(error));
}

function tryParse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
