import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { type ConnectSettings, messageOf, OpsError } from '@aa-ops/topology';

/** Where the nats CLI keeps its contexts (jsm.go natscontext: `$XDG_CONFIG_HOME/nats/context/NAME.json`). */
export const contextFile = (name: string, env: NodeJS.ProcessEnv): string =>
  join(
    env['XDG_CONFIG_HOME'] || join(env['HOME'] || homedir(), '.config'),
    'nats',
    'context',
    `${name}.json`,
  );

/** What we read of such a file; the nats CLI writes unset fields as empty strings. */
const TEXT_FIELDS = [
  'url',
  'user',
  'password',
  'token',
  'creds',
  'nkey',
  'cert',
  'key',
  'ca',
  'jetstream_domain',
  'inbox_prefix',
] as const;
type Fields = Partial<Record<(typeof TEXT_FIELDS)[number], string>> & { tls_first?: boolean };

/** A context's settings; `servers` is empty where it names none. Throws OpsError `usage`, never with the file's contents in it. */
export async function readNatsContext(name: string, env: NodeJS.ProcessEnv): Promise<ConnectSettings> {
  if (!/^[^/\\\0]+$/.test(name) || name === '.' || name === '..')
    throw usage('context-invalid', `${JSON.stringify(name)} is no name of a context`);
  const file = contextFile(name, env);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw usage('context-unreadable', `cannot read the context ${name}: ${messageOf(error)}`);
  }
  return toSettings(readFields(text, file), env);
}

function readFields(text: string, file: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's own message quotes the text, and so a password.
    throw usage('context-invalid', `${file} is not JSON`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw usage('context-invalid', `${file} is not a JSON object`);
  const raw = value as Record<string, unknown>;
  const fields: Fields = { tls_first: raw['tls_first'] === true };
  for (const field of TEXT_FIELDS) {
    const content = raw[field];
    if (content === undefined || content === null || content === '') continue;
    if (typeof content !== 'string') throw usage('context-invalid', `${field} of ${file} is not a text`);
    fields[field] = content;
  }
  if (raw['nsc'] && !fields.creds)
    throw usage(
      'context-unsupported',
      `${file} takes its credentials from nsc`,
      'write them to a file with nsc generate creds, and pass it with --creds',
    );
  return fields;
}

function toSettings(fields: Fields, env: NodeJS.ProcessEnv): ConnectSettings {
  const path = (text: string | undefined): string | undefined => {
    if (text === undefined || isAbsolute(text)) return text;
    return text.startsWith('~/') ? join(env['HOME'] || homedir(), text.slice(2)) : text;
  };
  const [credsFile, nkeyFile] = [path(fields.creds), path(fields.nkey)];
  const [caFile, certFile, keyFile] = [path(fields.ca), path(fields.cert), path(fields.key)];
  const tls = {
    ...(caFile && { caFile }),
    ...(certFile && { certFile }),
    ...(keyFile && { keyFile }),
    ...(fields.tls_first && { handshakeFirst: true }),
  };
  return {
    servers: fields.url === undefined ? [] : [fields.url],
    ...(fields.user !== undefined && { user: fields.user }),
    ...(fields.password !== undefined && { password: fields.password }),
    ...(fields.token !== undefined && { token: fields.token }),
    ...(credsFile !== undefined && { credsFile }),
    ...(nkeyFile !== undefined && { nkeyFile }),
    ...(Object.keys(tls).length > 0 && { tls }),
    ...(fields.jetstream_domain !== undefined && { domain: fields.jetstream_domain }),
    ...(fields.inbox_prefix !== undefined && { inboxPrefix: fields.inbox_prefix }),
  };
}

const usage = (
  code: string,
  message: string,
  hint = 'nats context ls shows the contexts there are',
): OpsError => new OpsError(code, message, { kind: 'usage', hint });
