import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

/** Bytes of a key, of a nonce and of a tag: AES-256 in Galois/Counter Mode (NIST SP 800-38D). */
export const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Encrypts what others keep for us; what they change, or put in another's place, does not open. */
export interface Seal {
  /** Base64url. `purpose` is not in it, and has to be known to open it. */
  seal(value: unknown, purpose: string): string;
  /** Undefined: not sealed by one of our keys, for another purpose, or changed. */
  open(sealed: string, purpose: string): unknown;
}

/** The first key seals; each of them opens, so that a key can be replaced. */
export function createSeal(keys: readonly Uint8Array[]): Seal {
  return {
    seal(value, purpose) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', keys[0]!, nonce).setAAD(Buffer.from(purpose));
      const text = Buffer.concat([cipher.update(JSON.stringify(value), 'utf8'), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), text]).toString('base64url');
    },
    open(sealed, purpose) {
      const bytes = Buffer.from(sealed, 'base64url');
      if (bytes.length <= NONCE_BYTES + TAG_BYTES) return undefined;
      for (const key of keys) {
        const text = opened(key, bytes, purpose);
        if (text !== undefined) return JSON.parse(text) as unknown;
      }
      return undefined;
    },
  };
}

function opened(key: Uint8Array, bytes: Buffer, purpose: string): string | undefined {
  const behindNonce = NONCE_BYTES + TAG_BYTES;
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(Buffer.from(purpose)).setAuthTag(bytes.subarray(NONCE_BYTES, behindNonce));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(behindNonce)), decipher.final()]).toString('utf8');
  } catch {
    return undefined;
  }
}
