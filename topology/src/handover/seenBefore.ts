import { partsOf } from './idHash.ts';

const HASHES = 4;
/** Bits for each expected member: with so many hashes, one in 500 is taken for another one at most. */
const BITS_EACH = 16;
/** 64 MiB: beyond 33 million members it is taken for another one more often. */
const MOST_BITS = 2 ** 29;

/** A Bloom filter of ids, as `idHash` has them: what was seen before is always known, and seldom something that was not. */
export class SeenBefore {
  readonly #bits: Uint32Array;
  readonly #mask: number;

  constructor(expected: number) {
    let bits = 2 ** 10;
    while (bits < expected * BITS_EACH && bits < MOST_BITS) bits *= 2;
    this.#bits = new Uint32Array(bits / 32);
    this.#mask = bits - 1;
  }

  /** Whether it was seen before, probably; false is certain. Its bits are made of the two parts of the hash, as Kirsch and Mitzenmacher have it. */
  add(hash: number): boolean {
    const [low, high] = partsOf(hash);
    const step = Math.imul(low ^ Math.imul(high, 0x9e3779b1), 0x85ebca6b) | 1;
    let seen = true;
    for (let n = 0, at = low; n < HASHES; n++, at = (at + step) | 0) {
      const bit = at & this.#mask;
      const [word, flag] = [bit >>> 5, 1 << (bit & 31)];
      if ((this.#bits[word]! & flag) === 0) seen = false;
      this.#bits[word]! |= flag;
    }
    return seen;
  }
}
