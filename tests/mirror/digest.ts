/** Records in flat memory: hashes of their parts, one partition at a time. */
import type { KafkaRecord } from "../support/independent_client.ts";
import { grown } from "../checker/number_table.ts";

/** A record as far as it is compared; two differ when any part does. */
export interface Digest {
  readonly offset: number;
  readonly timestampMs: number;
  /** 32 bits of hash each. */
  readonly key: number;
  readonly value: number;
  readonly headers: number;
}

/** What two records can differ in. */
export const parts = ["key", "value", "headers", "timestampMs"] as const;
export type Part = typeof parts[number];

export function digestOf(record: KafkaRecord): Digest {
  const { offset, timestampMs, key, value } = record;
  return {
    offset,
    timestampMs,
    key: hashOf(key),
    value: hashOf(value),
    headers: headersOf(record),
  };
}

const encoder = new TextEncoder();

/** Changes with order, names and values, null and empty ones told apart. */
function headersOf({ headers }: KafkaRecord): number {
  let mixed = headers.length;
  for (const { name, value } of headers) {
    mixed = mix(Math.imul(mixed, 31) ^ hashOf(encoder.encode(name)));
    mixed = mix(Math.imul(mixed, 31) ^ hashOf(value));
  }
  return mixed >>> 0;
}

/** Murmur's third, with one value of its own for null. */
export function hashOf(bytes: Uint8Array | null): number {
  if (bytes === null) return 0x9e3779b1;
  let mixed = 0x2f0b4f7d;
  let at = 0;
  for (; at + 4 <= bytes.length; at += 4) {
    mixed = added(
      mixed,
      bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16 |
        bytes[at + 3]! << 24,
    );
    mixed = Math.imul(mixed << 13 | mixed >>> 19, 5) + 0xe6546b64 | 0;
  }
  let rest = 0;
  for (let end = bytes.length; end > at; end--) {
    rest = rest << 8 | bytes[end - 1]!;
  }
  return mix(added(mixed, rest) ^ bytes.length) >>> 0;
}

function added(mixed: number, word: number): number {
  const scrambled = Math.imul(word, 0xcc9e2d51);
  return mixed ^
    Math.imul(scrambled << 15 | scrambled >>> 17, 0x1b873593);
}

function mix(mixed: number): number {
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}

/** The records of one partition, in the order of their offsets. 28 bytes each. */
export class Digests {
  #size = 0;
  #offsets = new Float64Array(64);
  #timestamps = new Float64Array(64);
  #keys = new Uint32Array(64);
  #values = new Uint32Array(64);
  #headers = new Uint32Array(64);

  get size(): number {
    return this.#size;
  }

  push(digest: Digest): void {
    const at = this.#size++;
    if (at === this.#offsets.length) this.#grow(2 * at);
    this.#offsets[at] = digest.offset;
    this.#timestamps[at] = digest.timestampMs;
    this.#keys[at] = digest.key;
    this.#values[at] = digest.value;
    this.#headers[at] = digest.headers;
  }

  offset(at: number): number {
    return this.#offsets[at]!;
  }

  at(at: number): Digest {
    return {
      offset: this.#offsets[at]!,
      timestampMs: this.#timestamps[at]!,
      key: this.#keys[at]!,
      value: this.#values[at]!,
      headers: this.#headers[at]!,
    };
  }

  equals(at: number, other: Digest): boolean {
    return at < this.#size && this.#values[at] === other.value &&
      this.#keys[at] === other.key && this.#headers[at] === other.headers &&
      this.#timestamps[at] === other.timestampMs;
  }

  /** How many have a smaller offset. */
  below(offset: number): number {
    let low = 0;
    let high = this.#size;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (this.#offsets[middle]! < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #grow(length: number): void {
    this.#offsets = grown(this.#offsets, length);
    this.#timestamps = grown(this.#timestamps, length);
    this.#keys = grown(this.#keys, length);
    this.#values = grown(this.#values, length);
    this.#headers = grown(this.#headers, length);
  }
}

/** 53 bits that equal records share. */
export const identityOf = ({ key, value, headers, timestampMs }: Digest) =>
  (mix(value ^ Math.imul(key, 31) ^ (timestampMs | 0)) >>> 12) * 2 ** 32 +
  (mix(headers ^ Math.imul(value, 0x01000193) ^ key) >>> 0);
