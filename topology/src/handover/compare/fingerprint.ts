import { createHash } from 'node:crypto';
import type { StreamMessage } from '../../jetstream/index.ts';
import { headerText } from './sameMessage.ts';

/** Bytes that are hashed at one go: a call for each message costs as much as reading it. */
const STAGED = 64 * 1_024;
/** The most bytes that one character of a string takes as UTF-8. */
const BYTES_A_CHARACTER = 3;

/** What messages are, in order: SHA-256 over the sequence that each has in the origin, its subject, headers as `isSameMessage` counts them, and payload. */
export class Fingerprint {
  messages = 0;
  readonly #hash = createHash('sha256');
  readonly #staged = Buffer.allocUnsafe(STAGED);
  #length = 0;

  /** `originSeq`: of a copy, that of its original. */
  add(originSeq: number, message: StreamMessage): void {
    this.messages++;
    const { subject, data } = message;
    const headers = headerText(message);
    this.#addText(`${originSeq} ${subject} ${headers.length} ${data.length}\n${headers}`);
    this.#addBytes(data);
  }

  /** Hexadecimal. To be called once. */
  end(): string {
    this.#flush();
    return this.#hash.digest('hex');
  }

  #addText(text: string): void {
    const most = text.length * BYTES_A_CHARACTER;
    if (most > STAGED) return this.#addBytes(Buffer.from(text));
    this.#makeRoom(most);
    this.#length += this.#staged.write(text, this.#length);
  }

  #addBytes(bytes: Uint8Array): void {
    this.#makeRoom(bytes.length);
    if (bytes.length > STAGED) {
      this.#hash.update(bytes);
      return;
    }
    this.#staged.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #makeRoom(bytes: number): void {
    if (this.#length + bytes > STAGED) this.#flush();
  }

  #flush(): void {
    this.#hash.update(this.#staged.subarray(0, this.#length));
    this.#length = 0;
  }
}
