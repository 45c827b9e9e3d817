import { OpsError } from '@aa-ops/topology';

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
  const parts = texts.flatMap((list) => list.split(',').map((part) => ({ text: part.trim(), list })));
  for (const { text, list } of parts) {
    const url = parse(text);
    if (!url) throw invalid(from, text, list);
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

/** Where credentials stand in the list, a part of it may be a part of them: what was split at a comma is not shown. */
function invalid(from: string, text: string, list: string): OpsError {
  const hasCredentials = list.includes('@');
  const shown = hasCredentials ? list.replace(/^(\s*\w+:\/\/)?.*@/s, '$1***@') : text;
  const escaping = hasCredentials ? '; in a user or a password, write , as %2C, / as %2F and % as %25' : '';
  return new OpsError('server-invalid', `${from} is no NATS server: ${JSON.stringify(shown)}`, {
    kind: 'usage',
    hint: `write nats://HOST:PORT, or tls://HOST:PORT${escaping}`,
  });
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
