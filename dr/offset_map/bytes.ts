/**
 * Numbers and texts in the bytes of a lane's log: variable integers are unsigned
 * LEB128, signed ones are mapped to them (0, -1, 1, -2 ... are 0, 1, 2, 3 ...).
 */
import { LaneRecordError } from "./lane_record_error.ts";

/** So that a difference of two, mapped to an unsigned one, is still exact. */
export const MAX_OFFSET = 2 ** 52 - 1;
/** Of any number up to 2^53 - 1. */
export const MAX_VARINT_BYTES = 8;

const FIRST_BYTES = 4096;
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** What `zigzag` makes of a signed number. */
const unsigned = (value: number) => value < 0 ? -2 * value - 1 : 2 * value;

export function varintBytes(value: number): number {
  let bytes = 1;
  for (; value >= 0x80; value = Math.floor(value / 0x80)) bytes++;
  return bytes;
}

export const zigzagBytes = (value: number) => varintBytes(unsigned(value));

/** One growing buffer, used again after `clear`. */
export class ByteWriter {
  #bytes = new Uint8Array(FIRST_BYTES);
  #length = 0;

  clear(): void {
    this.#length = 0;
  }

  /** A copy of what was written. */
  taken(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  /** @param value from 0 to 2^53 - 1 */
  varint(value: number): void {
    this.#reserve(MAX_VARINT_BYTES);
    const bytes = this.#bytes;
    let at = this.#length;
    let rest = value;
    for (; rest > 0x7fff_ffff; rest = Math.floor(rest / 0x80)) {
      bytes[at++] = rest % 0x80 | 0x80;
    }
    for (; rest >= 0x80; rest >>>= 7) bytes[at++] = rest & 0x7f | 0x80;
    bytes[at++] = rest;
    this.#length = at;
  }

  /** @param value its amount is at most `MAX_OFFSET` */
  zigzag(value: number): void {
    this.varint(unsigned(value));
  }

  /** Its length in bytes, then UTF-8. */
  text(value: string): void {
    const bytes = encoder.encode(value);
    this.varint(bytes.length);
    this.raw(bytes);
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #reserve(byteLength: number): void {
    const needed = this.#length + byteLength;
    if (needed <= this.#bytes.length) return;
    const bytes = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    bytes.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = bytes;
  }
}

/** Every method throws a `LaneRecordError` for what cannot be read. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  byte(): number {
    const value = this.#bytes[this.#at];
    if (value === undefined) throw this.#truncated("a byte");
    this.#at++;
    return value;
  }

  /** @param most a larger number is malformed */
  varint(most: number = Number.MAX_SAFE_INTEGER): number {
    let value = 0;
    let place = 1;
    for (let count = 0; count < MAX_VARINT_BYTES; count++) {
      const byte = this.byte();
      value += (byte & 0x7f) * place;
      if (byte < 0x80) {
        if (value <= most) return value;
        throw this.#malformed(`${value} is more than ${most}`);
      }
      place *= 0x80;
    }
    throw this.#malformed("a number of too many bytes");
  }

  zigzag(): number {
    const value = this.varint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  text(): string {
    const bytes = this.raw(this.varint());
    try {
      return decoder.decode(bytes);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      throw this.#malformed("a text that is not UTF-8");
    }
  }

  /** Shares the memory of what is read. */
  raw(byteLength: number): Uint8Array {
    if (byteLength > this.left) throw this.#truncated(`${byteLength} bytes`);
    this.#at += byteLength;
    return this.#bytes.subarray(this.#at - byteLength, this.#at);
  }

  #truncated(wanted: string): LaneRecordError {
    return new LaneRecordError(
      "truncated",
      `it ends after ${this.#bytes.length} bytes, before ${wanted} at ${this.#at}`,
    );
  }

  #malformed(what: string): LaneRecordError {
    return new LaneRecordError("malformed", `${what} before byte ${this.#at}`);
  }
}
