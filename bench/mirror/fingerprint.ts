/** What must be the same of a record and its copy, in one number. */
import type { KafkaRecord } from "../../tests/support/record_codec.ts";

const NULL_LENGTH = -1;
const LOW_BITS = 21;

/**
 * 53 bits over timestamp, key, value and headers, with their lengths and which
 * of them are null. Offset and partition are no part of it.
 */
export function fingerprint(record: KafkaRecord): number {
  const hash = new Hash();
  hash.number(record.timestampMs);
  hash.bytes(record.key);
  hash.bytes(record.value);
  hash.word(record.headers.length);
  for (const { name, value } of record.headers) {
    hash.bytes(encoder.encode(name));
    hash.bytes(value);
  }
  return hash.end();
}

const encoder = new TextEncoder();

/** Two multiplicative hashes of 32 bits side by side. */
class Hash {
  #one = 0x811c9dc5 | 0;
  #two = 0x9747b28c | 0;

  word(word: number): void {
    this.#one = Math.imul(this.#one ^ word, 0x85ebca6b);
    this.#two = Math.imul(this.#two ^ word, 0xc2b2ae35);
    this.#one ^= this.#one >>> 15;
    this.#two ^= this.#two >>> 13;
  }

  /** A whole one, of up to 53 bits. */
  number(value: number): void {
    this.word(value | 0);
    this.word(Math.floor(value / 2 ** 32));
  }

  bytes(bytes: Uint8Array | null): void {
    if (bytes === null) {
      this.word(NULL_LENGTH);
      return;
    }
    this.word(bytes.length);
    let one = this.#one;
    let two = this.#two;
    for (let at = 0; at < bytes.length; at++) {
      const byte = bytes[at]!;
      one = Math.imul(one ^ byte, 0x01000193);
      two = Math.imul(two ^ byte, 0xcc9e2d51);
      two ^= two >>> 16;
    }
    this.#one = one;
    this.#two = two;
  }

  end(): number {
    this.word(0);
    this.word(0);
    const high = this.#one >>> 0;
    const low = (this.#two >>> 0) >>> (32 - LOW_BITS);
    return high * 2 ** LOW_BITS + low;
  }
}
