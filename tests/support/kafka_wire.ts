/**
 * Kafka's protocol by hand, for questions to one particular broker. Client
 * libraries ask any broker they like, and wait and try again as they see fit.
 */

export interface WireRequest {
  readonly apiKey: number;
  readonly version: number;
  /** Whether this version has tagged fields and compact lengths (KIP-482). */
  readonly flexible?: boolean;
  /** Writes what follows the header. */
  readonly body: (writer: WireWriter) => void;
}

/**
 * Sends one request on a connection of its own.
 *
 * @param port on loopback.
 * @returns what follows the header of the answer.
 * @throws when nobody listens there or no answer comes within `timeoutMs`.
 */
export async function askBroker(
  port: number,
  request: WireRequest,
  timeoutMs = 2_000,
): Promise<WireReader> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  // Closing is the only way to end a read on a broker that is paused.
  const timer = setTimeout(() => connection.close(), timeoutMs);
  try {
    await writeAll(connection, frame(request));
    const size = new DataView((await readExactly(connection, 4)).buffer);
    const answer = await readExactly(connection, size.getInt32(0));
    const reader = new WireReader(answer);
    reader.int32(); // correlation id
    if (request.flexible) reader.tags();
    return reader;
  } finally {
    clearTimeout(timer);
  }
}

function frame({ apiKey, version, flexible, body }: WireRequest): Uint8Array {
  const writer = new WireWriter();
  writer.int16(apiKey);
  writer.int16(version);
  writer.int32(0); // correlation id
  writer.int16(-1); // no client id
  if (flexible) writer.tags();
  body(writer);
  const bytes = writer.bytes();
  const whole = new Uint8Array(4 + bytes.length);
  new DataView(whole.buffer).setInt32(0, bytes.length);
  whole.set(bytes, 4);
  return whole;
}

/** Requests are small; they are gathered byte by byte. */
export class WireWriter {
  readonly #bytes: number[] = [];

  bytes(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }

  int8(value: number): void {
    this.#bytes.push(value & 0xff);
  }
  int16(value: number): void {
    this.#bytes.push((value >> 8) & 0xff, value & 0xff);
  }
  int32(value: number): void {
    this.int16(value >> 16);
    this.int16(value);
  }
  int64(value: number): void {
    this.int32(Math.floor(value / 2 ** 32));
    this.int32(value | 0);
  }
  string(text: string): void {
    const bytes = new TextEncoder().encode(text);
    this.int16(bytes.length);
    this.#bytes.push(...bytes);
  }
  array<T>(items: readonly T[], writeItem: (item: T) => void): void {
    this.int32(items.length);
    items.forEach(writeItem);
  }
  compactString(text: string): void {
    const bytes = new TextEncoder().encode(text);
    this.#length(bytes.length);
    this.#bytes.push(...bytes);
  }
  compactArray<T>(items: readonly T[], writeItem: (item: T) => void): void {
    this.#length(items.length);
    items.forEach(writeItem);
  }
  /** None. */
  tags(): void {
    this.int8(0);
  }

  /** One more than the length, which must be below 127. */
  #length(length: number): void {
    if (length > 126) throw new RangeError(`${length} is too long`);
    this.int8(length + 1);
  }
}

export class WireReader {
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.#view = new DataView(bytes.buffer);
  }

  int8(): number {
    return this.#view.getInt8(this.#advance(1));
  }
  int16(): number {
    return this.#view.getInt16(this.#advance(2));
  }
  int32(): number {
    return this.#view.getInt32(this.#advance(4));
  }
  int64(): number {
    return Number(this.#view.getBigInt64(this.#advance(8)));
  }
  /** Null is read as "". */
  string(): string {
    return this.#text(this.int16());
  }
  array<T>(readItem: () => T): T[] {
    return Array.from({ length: Math.max(0, this.int32()) }, readItem);
  }
  compactString(): string {
    return this.#text(this.#varint() - 1);
  }
  compactArray<T>(readItem: () => T): T[] {
    return Array.from({ length: Math.max(0, this.#varint() - 1) }, readItem);
  }
  /** Skips them. */
  tags(): void {
    for (let count = this.#varint(); count > 0; count--) {
      this.#varint();
      this.#advance(this.#varint());
    }
  }

  #varint(): number {
    let value = 0;
    for (let shift = 0;; shift += 7) {
      const byte = this.#view.getUint8(this.#advance(1));
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  }

  #text(bytes: number): string {
    const length = Math.max(0, bytes);
    const at = this.#advance(length);
    return new TextDecoder().decode(
      new Uint8Array(this.#view.buffer as ArrayBuffer, at, length),
    );
  }

  #advance(bytes: number): number {
    const at = this.#at;
    this.#at += bytes;
    return at;
  }
}

async function readExactly(
  connection: Deno.Conn,
  length: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const count = await connection.read(bytes.subarray(at));
    if (count === null) throw new Error("the broker closed the connection");
    at += count;
  }
  return bytes;
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array) {
  for (let at = 0; at < bytes.length;) {
    at += await connection.write(bytes.subarray(at));
  }
}
