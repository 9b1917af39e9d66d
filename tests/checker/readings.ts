/**
 * Remembers a fingerprint of what was read at each offset of a partition, and
 * notices **inconsistent offsets**: offsets that do not increase within a
 * reading, and a second reading that finds other content at an offset, or
 * nothing where there was something. 4 bytes an offset.
 */
import { grown } from "./number_table.ts";

const NOTHING = 0;

export type Reading =
  | { readonly kind: "fine" }
  /** The second reading shows it and the first did not. */
  | { readonly kind: "new" }
  | { readonly kind: "inconsistent"; readonly sentence: string };

const FINE: Reading = { kind: "fine" };
const NEW: Reading = { kind: "new" };

/** Of one partition. */
export class Readings {
  /** By offset less `#base`. */
  #fingerprints = new Uint32Array(1 << 10);
  #base: number | undefined;
  #last = -1;
  #lastAgain = -1;
  readonly #missed: number[] = [];

  /** The offset after the last one of the first reading. */
  get end(): number {
    return this.#last + 1;
  }

  has(offset: number): boolean {
    return this.#at(offset) !== NOTHING;
  }

  first(offset: number, fingerprint: number): Reading {
    if (offset <= this.#last) {
      return inconsistent(`offset ${offset} was read after ${this.#last}`);
    }
    this.#last = offset;
    this.#base ??= offset;
    const index = offset - this.#base;
    if (index >= this.#fingerprints.length) {
      this.#fingerprints = grown(this.#fingerprints, 2 * index);
    }
    this.#fingerprints[index] = known(fingerprint);
    return FINE;
  }

  again(offset: number, fingerprint: number): Reading {
    if (offset <= this.#lastAgain) {
      return inconsistent(`offset ${offset} was read after ${this.#lastAgain}`);
    }
    this.#passOver(offset);
    this.#lastAgain = offset;
    const before = this.#at(offset);
    if (before === NOTHING) return NEW;
    return before === known(fingerprint)
      ? FINE
      : inconsistent("two readings found different records here");
  }

  /** Offsets that the first reading saw and the second, now at its end, did not. */
  missed(): readonly number[] {
    this.#passOver(this.end);
    this.#lastAgain = Math.max(this.#lastAgain, this.#last);
    return this.#missed;
  }

  #passOver(end: number): void {
    const from = Math.max(this.#lastAgain + 1, this.#base ?? end);
    for (let offset = from; offset < Math.min(end, this.end); offset++) {
      if (this.has(offset)) this.#missed.push(offset);
    }
  }

  #at(offset: number): number {
    if (this.#base === undefined || offset < this.#base) return NOTHING;
    return this.#fingerprints[offset - this.#base] ?? NOTHING;
  }
}

const inconsistent = (sentence: string): Reading => ({
  kind: "inconsistent",
  sentence,
});

const known = (fingerprint: number) => (fingerprint >>> 0) || 1;
