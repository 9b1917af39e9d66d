/**
 * Kafka's protocol types, as MirrorMaker 2 writes its own records: big-endian
 * integers, and strings as a 16-bit length and UTF-8.
 */
import { FormatError } from "./errors.ts";

/** Key and value of a record. */
export interface Entry {
  readonly key: Uint8Array<ArrayBuffer>;
  readonly value: Uint8Array<ArrayBuffer>;
}

const LONGEST_STRING_BYTES = 0x7fff;
const GREATEST_INT32 = 0x7fff_ffff;

const encoder = new TextEncoder();
// A byte order mark at the beginning of a name is part of the name.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export class FieldWriter {
  readonly #bytes: number[] = [];

  int16(value: number): this {
    this.#bytes.push(value >>> 8 & 0xff, value & 0xff);
    return this;
  }

  /** @throws {RangeError} unless 0 to 2^31 - 1 */
  int32(value: number): this {
    if (!Number.isInteger(value) || value < 0 || value > GREATEST_INT32) {
      throw new RangeError(`${value} is no partition`);
    }
    return this.#unsigned32(value);
  }

  /** @throws {RangeError} unless 0 to 2^53 - 1 */
  int64(value: number): this {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new RangeError(`${value} is no offset or time`);
    }
    return this.#unsigned32(Math.floor(value / 2 ** 32))
      .#unsigned32(value % 2 ** 32);
  }

  /** @throws {RangeError} above 32,767 bytes, or with half a character */
  string(value: string): this {
    // Java would write "?" and the encoder U+FFFD: another name in any case.
    if (!value.isWellFormed()) {
      throw new RangeError(`${JSON.stringify(value)} is no text`);
    }
    const bytes = encoder.encode(value);
    if (bytes.length > LONGEST_STRING_BYTES) {
      throw new RangeError(
        `a text of ${bytes.length} bytes is too long: ` +
          `${LONGEST_STRING_BYTES} fit`,
      );
    }
    this.int16(bytes.length);
    this.#bytes.push(...bytes);
    return this;
  }

  done(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#bytes);
  }

  #unsigned32(value: number): this {
    return this.int16(value >>> 16).int16(value & 0xffff);
  }
}

/** Every read throws `FormatError`, naming `what`, where the bytes do not fit. */
export class FieldReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #what: string;
  #at = 0;

  /** @param what as in "a checkpoint's key" */
  constructor(bytes: Uint8Array | null, what: string) {
    this.#what = what;
    if (bytes === null) throw this.#error("is missing");
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  int16(): number {
    return this.#view.getInt16(this.#advance(2));
  }

  int32(name: string): number {
    const value = this.#view.getInt32(this.#advance(4));
    if (value < 0) throw this.#error(`has the ${name} ${value}`);
    return value;
  }

  int64(name: string): number {
    const value = this.#view.getBigInt64(this.#advance(8));
    if (value < 0n || value > BigInt(Number.MAX_SAFE_INTEGER)) {
      throw this.#error(`has the ${name} ${value}`);
    }
    return Number(value);
  }

  string(name: string): string {
    const length = this.int16();
    if (length < 0) throw this.#error(`has a ${name} of length ${length}`);
    const start = this.#advance(length);
    try {
      return decoder.decode(this.#bytes.subarray(start, start + length));
    } catch {
      throw this.#error(`has a ${name} that is not UTF-8`);
    }
  }

  /** @throws {FormatError} unless the version is the only one there is, 0 */
  version(): void {
    const version = this.int16();
    if (version !== 0) throw this.#error(`has the unknown version ${version}`);
  }

  #advance(bytes: number): number {
    const start = this.#at;
    if (start + bytes > this.#bytes.length) {
      throw this.#error(`ends after ${this.#bytes.length} bytes`);
    }
    this.#at += bytes;
    return start;
  }

  #error(problem: string): FormatError {
    return new FormatError(`${this.#what} ${problem}`);
  }
}
