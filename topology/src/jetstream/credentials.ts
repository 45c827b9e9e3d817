import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { type Authenticator, credsAuthenticator, nkeyAuthenticator, type TlsOptions } from 'nats';
import { messageOf, OpsError } from '../errors.ts';
import type { ConnectSettings } from './connect.ts';

/** Something to sign: what is no credentials file shows here, and not as a server that cannot be reached. */
const CHALLENGE = 'aa-ops';

/** How the client answers the server's challenge; undefined where no file says. Throws OpsError `credentials-unreadable`, `credentials-invalid`. */
export async function readAuthenticator({
  credsFile,
  nkeyFile,
}: ConnectSettings): Promise<Authenticator | undefined> {
  if (credsFile) return tried(credsAuthenticator(await read(credsFile, '--creds')), credsFile, '--creds');
  if (!nkeyFile) return undefined;
  const seed = new TextDecoder().decode(await read(nkeyFile, '--nkey')).trim();
  return tried(nkeyAuthenticator(new TextEncoder().encode(seed)), nkeyFile, '--nkey');
}

function tried(authenticator: Authenticator, file: string, flag: '--creds' | '--nkey'): Authenticator {
  try {
    authenticator(CHALLENGE);
    return authenticator;
  } catch (error) {
    const wanted = flag === '--creds' ? 'a user JWT and its seed, as nsc writes them' : 'an nkey seed';
    throw invalid(file, flag, `does not hold ${wanted}`, error); // the cause may quote the file: it is not told
  }
}

/** The client's options, once the files are what they are said to be. Throws OpsError `credentials-unreadable`, `credentials-invalid`. */
export async function readTls(tls: NonNullable<ConnectSettings['tls']>): Promise<TlsOptions> {
  const { caFile, certFile, keyFile, handshakeFirst } = tls;
  const [ca, cert, key] = await Promise.all([
    caFile === undefined ? undefined : read(caFile, '--tls-ca'),
    certFile === undefined ? undefined : read(certFile, '--tls-cert'),
    keyFile === undefined ? undefined : read(keyFile, '--tls-key'),
  ]);
  if (caFile && ca) requireCertificate(caFile, '--tls-ca', ca);
  if (certFile && cert) requireCertificate(certFile, '--tls-cert', cert);
  if (keyFile && key) requireKey(keyFile, key, cert);
  return {
    ...(caFile ? { caFile } : {}),
    ...(certFile ? { certFile } : {}),
    ...(keyFile ? { keyFile } : {}),
    ...(handshakeFirst ? { handshakeFirst: true } : {}),
  };
}

function requireCertificate(file: string, flag: string, pem: Uint8Array): void {
  try {
    new X509Certificate(pem);
  } catch (error) {
    throw invalid(file, flag, 'does not hold a certificate', error);
  }
}

function requireKey(file: string, key: Uint8Array, cert: Uint8Array | undefined): void {
  try {
    createSecureContext({ key: Buffer.from(key), ...(cert ? { cert: Buffer.from(cert) } : {}) });
  } catch (error) {
    const wanted = cert ? 'the key of the certificate' : 'a key';
    throw invalid(file, '--tls-key', `does not hold ${wanted}: ${messageOf(error)}`, error);
  }
}

async function read(file: string, flag: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new OpsError('credentials-unreadable', `cannot read ${file} of ${flag}: ${messageOf(error)}`, {
      kind: 'usage',
      hint: `correct ${flag}, or what the nats context of --context names`,
      cause: error,
    });
  }
}

function invalid(file: string, flag: string, why: string, cause: unknown): OpsError {
  return new OpsError('credentials-invalid', `${file} of ${flag} ${why}`, {
    kind: 'usage',
    hint: `correct ${flag}, or what the nats context of --context names`,
    cause,
  });
}
