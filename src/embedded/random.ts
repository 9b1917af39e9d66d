/** Seeded randomness: the same seed gives the same numbers, everywhere. */

/** Numbers in [0, 1) by mulberry32; good enough for test data, nothing else. */
export class Random {
  #state: number;

  /** Every pair of whole numbers below 2^32 has its own sequence. */
  constructor(seed: number, index: number) {
    this.#state = mixed(seed ^ mixed(index + 0x9e3779b9));
  }

  next(): number {
    return this.bits() / 2 ** 32;
  }

  /** 32 random bits. */
  bits(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let bits = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), 61 | bits);
    return (bits ^ (bits >>> 14)) >>> 0;
  }

  /** A whole number in [0, limit). */
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!;
  }

  /** True in this share of cases. */
  chance(share: number): boolean {
    return this.next() < share;
  }

  /** A version 4 UUID. */
  uuid(): string {
    const [a, b, c, d] = [this.bits(), this.bits(), this.bits(), this.bits()];
    return `${hex(a >>> 16)}${hex(a)}-${hex(b >>> 16)}-` +
      `${hex(0x4000 | b & 0xfff)}-${hex(0x8000 | c >>> 18)}-` +
      `${hex(c)}${hex(d >>> 16)}${hex(d)}`;
  }
}

const HEX = Array.from(
  { length: 256 },
  (_, byte) => byte.toString(16).padStart(2, "0"),
);

/** The lower 16 bits as four digits. */
function hex(bits: number): string {
  return HEX[bits >>> 8 & 255]! + HEX[bits & 255]!;
}

/** The finaliser of MurmurHash3: every input bit reaches every output bit. */
function mixed(value: number): number {
  let bits = value | 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
