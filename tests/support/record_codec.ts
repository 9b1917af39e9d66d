/** Records as bytes on the way to and from RecordPipe.java (see record_pipe.ts). */

export interface RecordHeader {
  readonly name: string;
  readonly value: Uint8Array | null;
}

/** A record as it is in a topic. */
export interface KafkaRecord {
  readonly partition: number;
  readonly offset: number;
  readonly timestampMs: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  /** In the order in which they were sent, duplicates included. */
  readonly headers: readonly RecordHeader[];
}

/** A record to send; text is encoded as UTF-8. */
export interface NewRecord {
  /** Default null. */
  readonly key?: Uint8Array | string | null;
  readonly value: Uint8Array | string | null;
  readonly headers?: readonly {
    readonly name: string;
    readonly value: Uint8Array | string | null;
  }[];
  /** Default: by the key's hash, as every Java producer does. */
  readonly partition?: number;
  /** Default: the time of sending. */
  readonly timestampMs?: number;
}

const none = -1;
export const recordMark = "r".charCodeAt(0);
export const acknowledgedMark = "a".charCodeAt(0);
export const unknownMark = "u".charCodeAt(0);
export const doneMark = "d".charCodeAt(0);
export const endMark = "e".charCodeAt(0);
export const errorMark = "x".charCodeAt(0);

/** Builds requests in memory; `take` hands out what has been written. */
export class FrameWriter {
  #bytes = new Uint8Array(1 << 16);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;
  #encoder = new TextEncoder();

  get length(): number {
    return this.#length;
  }

  take(): Uint8Array<ArrayBuffer> {
    const taken = this.#bytes.slice(0, this.#length);
    this.#length = 0;
    return taken;
  }

  byte(value: number): void {
    const at = this.#reserve(1);
    this.#view.setUint8(at, value);
  }

  int32(value: number): void {
    const at = this.#reserve(4);
    this.#view.setInt32(at, value);
  }

  int64(value: number): void {
    const at = this.#reserve(8);
    this.#view.setBigInt64(at, BigInt(value));
  }

  bytes(value: Uint8Array | string | null): void {
    if (value === null) {
      this.int32(none);
    } else if (typeof value === "string") {
      this.#text(value);
    } else {
      this.int32(value.length);
      const at = this.#reserve(value.length);
      this.#bytes.set(value, at);
    }
  }

  /** What follows a record mark, or a topic. */
  record(record: NewRecord): void {
    const { partition, timestampMs, key, value, headers = [] } = record;
    this.int32(partition ?? none);
    this.int64(none); // the offset, which only the broker gives
    this.int64(timestampMs ?? none);
    this.bytes(key ?? null);
    this.bytes(value);
    this.int32(headers.length);
    for (const header of headers) {
      this.bytes(header.name);
      this.bytes(header.value);
    }
  }

  #text(text: string): void {
    const mostBytes = 3 * text.length;
    const at = this.#reserve(4 + mostBytes);
    const free = this.#bytes.subarray(at + 4);
    const { written } = this.#encoder.encodeInto(text, free);
    this.#view.setInt32(at, written);
    this.#length = at + 4 + written;
  }

  /** May replace the buffer: call it before touching that. */
  #reserve(length: number): number {
    const at = this.#length;
    this.#length = at + length;
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(2 * this.#length);
      larger.set(this.#bytes.subarray(0, at));
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return at;
  }
}

/** Thrown when bytes end in the middle of something: more are to come. */
class Incomplete extends Error {}

/** Takes chunks as they come and gives out what is complete. */
export class FrameReader {
  #bytes = new Uint8Array(0);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;
  #decoder = new TextDecoder();

  add(chunk: Uint8Array): void {
    const rest = this.#bytes.subarray(this.#at);
    // A new buffer each time: records that were given out keep views of the old.
    const joined = new Uint8Array(rest.length + chunk.length);
    joined.set(rest);
    joined.set(chunk, rest.length);
    this.#bytes = joined;
    this.#view = new DataView(joined.buffer);
    this.#at = 0;
  }

  /** What `parse` returns, or nothing, and nothing read, if bytes lack. */
  whole<T>(parse: (reader: FrameReader) => T): T | undefined {
    const start = this.#at;
    try {
      return parse(this);
    } catch (error) {
      if (!(error instanceof Incomplete)) throw error;
      this.#at = start;
      return undefined;
    }
  }

  byte(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  int32(): number {
    return this.#view.getInt32(this.#advance(4));
  }

  int64(): number {
    return Number(this.#view.getBigInt64(this.#advance(8)));
  }

  bytes(): Uint8Array | null {
    const length = this.int32();
    if (length === none) return null;
    const at = this.#advance(length);
    return this.#bytes.subarray(at, at + length);
  }

  text(): string {
    return this.#decoder.decode(this.bytes() ?? undefined);
  }

  optionalText(): string | null {
    const bytes = this.bytes();
    return bytes === null ? null : this.#decoder.decode(bytes);
  }

  /** What follows a record mark. */
  record(): KafkaRecord {
    return {
      partition: this.int32(),
      offset: this.int64(),
      timestampMs: this.int64(),
      key: this.bytes(),
      value: this.bytes(),
      headers: Array.from({ length: this.int32() }, () => ({
        name: this.text(),
        value: this.bytes(),
      })),
    };
  }

  #advance(length: number): number {
    const at = this.#at;
    if (at + length > this.#bytes.length) throw incomplete;
    this.#at = at + length;
    return at;
  }
}

// One for all: a stack trace a chunk would cost more than the parsing.
const incomplete = new Incomplete();
