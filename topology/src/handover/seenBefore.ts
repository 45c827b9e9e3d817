/** Bits for each expected member: with four hashes, one in 500 is taken for another one at most. */
const BITS_EACH = 16;
/** 64 MiB: beyond 33 million members it is taken for another one more often. */
const MOST_BITS = 2 ** 29;

/** A Bloom filter of digests: what was seen before is always known, and seldom something that was not. */
export class SeenBefore {
  readonly #bits: Uint32Array;
  readonly #mask: number;

  constructor(expected: number) {
    let bits = 2 ** 10;
    while (bits < expected * BITS_EACH && bits < MOST_BITS) bits *= 2;
    this.#bits = new Uint32Array(bits / 32);
    this.#mask = bits - 1;
  }

  /** Whether it was seen before, probably; false is certain. A digest of 16 bytes or more, each bit as good as any. */
  add(digest: Buffer): boolean {
    let seen = true;
    for (let at = 0; at < 16; at += 4) {
      const bit = digest.readInt32BE(at) & this.#mask;
      const [word, flag] = [bit >>> 5, 1 << (bit & 31)];
      if ((this.#bits[word]! & flag) === 0) seen = false;
      this.#bits[word]! |= flag;
    }
    return seen;
  }
}
