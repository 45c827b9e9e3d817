import { OpsError } from '@aa-ops/topology';
import { redact } from './redact.ts';

/** Where to connect, and the credentials that stood in the URLs: the client reads none there. */
export interface ServerUrls {
  servers: string[];
  user?: string;
  password?: string;
  token?: string;
  /** One of them says `tls://`. */
  tls: boolean;
}

const SCHEMES = ['nats:', 'tls:'];

/** Reads `host`, `host:port`, `nats://user:password@host:port`, `tls://token@host`, several with commas. Throws OpsError `usage`. */
export function readServerUrls(texts: readonly string[], from: string): ServerUrls {
  const result: ServerUrls = { servers: [], tls: false };
  for (const text of texts.flatMap((list) => list.split(',')).map((part) => part.trim())) {
    const url = parse(text);
    if (!url) {
      throw new OpsError('server-invalid', `${from} is no NATS server: ${JSON.stringify(redact(text))}`, {
        kind: 'usage',
        hint: 'write nats://HOST:PORT, or tls://HOST:PORT',
      });
    }
    if (url.username && result.user === undefined && result.token === undefined) {
      if (url.password) {
        result.user = decodeURIComponent(url.username);
        result.password = decodeURIComponent(url.password);
      } else result.token = decodeURIComponent(url.username);
    }
    result.tls ||= url.protocol === 'tls:';
    result.servers.push(`${url.protocol}//${url.host}`);
  }
  return result;
}

function parse(text: string): URL | undefined {
  const full = text.includes('://') ? text : `nats://${text}`;
  if (text === '' || /\s/.test(text) || !URL.canParse(full)) return undefined;
  const url = new URL(full);
  if (!SCHEMES.includes(url.protocol) || url.hostname === '') return undefined;
  if ((url.pathname !== '' && url.pathname !== '/') || url.search || url.hash) return undefined;
  try {
    decodeURIComponent(url.username + url.password);
  } catch {
    return undefined;
  }
  return url;
}
