/**
 * What a link must know of Kafka's protocol: where answers name brokers, so that
 * clients come to them by the link, too. Pure.
 *
 *     ApiVersions      kinds of answers that name brokers elsewhere are capped
 *     Metadata         all brokers
 *     FindCoordinator  one
 */

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** What an answer answers. */
export interface Request {
  readonly apiKey: number;
  readonly version: number;
}

const METADATA = 3;
const FIND_COORDINATOR = 10;
const API_VERSIONS = 18;
/** The newest without addresses of brokers; of coordinators, with one. */
const NEWEST: ReadonlyMap<number, number> = new Map([
  [0, 9], // Produce
  [1, 15], // Fetch
  [FIND_COORDINATOR, 2],
]);
const LENGTH_BYTES = 4;
const MOST_BYTES = 2 ** 28;

/** Cuts a stream into frames, each with its length before it. */
export class Frames {
  #rest = new Uint8Array(0);

  /** @throws {RangeError} for a length that no frame of Kafka has. */
  *push(chunk: Uint8Array): Generator<Uint8Array> {
    const all = joined([this.#rest, chunk]);
    const view = viewOf(all);
    let at = 0;
    while (all.length - at >= LENGTH_BYTES) {
      const length = view.getInt32(at);
      if (length < 0 || length > MOST_BYTES) {
        throw new RangeError(`a frame of ${length} bytes`);
      }
      const end = at + LENGTH_BYTES + length;
      if (all.length < end) break;
      yield all.subarray(at, end);
      at = end;
    }
    this.#rest = all.slice(at);
  }
}

/** What a request is, and by which number it is answered. */
export function headOf(
  frame: Uint8Array,
): readonly [correlation: number, Request] {
  const view = viewOf(frame);
  return [view.getInt32(LENGTH_BYTES + 4), {
    apiKey: view.getInt16(LENGTH_BYTES),
    version: view.getInt16(LENGTH_BYTES + 2),
  }];
}

export const correlationOf = (frame: Uint8Array): number =>
  viewOf(frame).getInt32(LENGTH_BYTES);

/** @param through what a client is told instead of a broker's address */
export function rewritten(
  frame: Uint8Array,
  { apiKey, version }: Request,
  through: (broker: Address) => Address,
): Uint8Array {
  switch (apiKey) {
    case API_VERSIONS:
      return capped(frame, version);
    case METADATA:
      return withBrokers(frame, version, through);
    case FIND_COORDINATOR:
      return withCoordinator(frame, version, through);
    default:
      return frame;
  }
}

function capped(frame: Uint8Array, version: number): Uint8Array {
  const copy = frame.slice();
  const cursor = new Cursor(copy);
  // One that does not know the version is asked again by another.
  if (cursor.int16() !== 0) return frame;
  const isCompact = version >= 3;
  const count = isCompact ? cursor.varint() - 1 : cursor.int32();
  for (let left = count; left > 0; left--) {
    const apiKey = cursor.int16();
    cursor.int16();
    const at = cursor.at;
    const newest = cursor.int16();
    const cap = NEWEST.get(apiKey);
    if (cap !== undefined && cap < newest) viewOf(copy).setInt16(at, cap);
    if (isCompact) cursor.tags();
  }
  return copy;
}

function withBrokers(
  frame: Uint8Array,
  version: number,
  through: (broker: Address) => Address,
): Uint8Array {
  const isCompact = version >= 9;
  const cursor = new Cursor(frame);
  if (isCompact) cursor.tags();
  if (version >= 3) cursor.int32(); // throttle time
  const count = isCompact ? cursor.varint() - 1 : cursor.int32();
  const parts: Uint8Array[] = [];
  let from = 0;
  for (let left = count; left > 0; left--) {
    cursor.int32(); // node id
    parts.push(frame.subarray(from, cursor.at));
    const host = isCompact ? cursor.compactText() : cursor.text();
    const to = through({ host: host ?? "", port: cursor.int32() });
    parts.push(
      isCompact ? compactText(to.host) : text(to.host),
      int32(to.port),
    );
    from = cursor.at;
    if (version >= 1) isCompact ? cursor.compactText() : cursor.text(); // rack
    if (isCompact) cursor.tags();
  }
  parts.push(frame.subarray(from));
  return framed(parts);
}

function withCoordinator(
  frame: Uint8Array,
  version: number,
  through: (broker: Address) => Address,
): Uint8Array {
  const cursor = new Cursor(frame);
  if (version >= 1) cursor.int32(); // throttle time
  const error = cursor.int16();
  if (error !== 0) return frame;
  if (version >= 1) cursor.text(); // error message
  cursor.int32(); // node id
  const from = cursor.at;
  const host = cursor.text();
  const to = through({ host: host ?? "", port: cursor.int32() });
  return framed([
    frame.subarray(0, from),
    text(to.host),
    int32(to.port),
    frame.subarray(cursor.at),
  ]);
}

/** Of an answer's body, behind length and correlation id. */
class Cursor {
  at = 2 * LENGTH_BYTES;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = viewOf(bytes);
  }

  int16(): number {
    this.at += 2;
    return this.#view.getInt16(this.at - 2);
  }

  int32(): number {
    this.at += 4;
    return this.#view.getInt32(this.at - 4);
  }

  varint(): number {
    let value = 0;
    for (let shift = 0;; shift += 7) {
      const byte = this.#view.getUint8(this.at++);
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
  }

  text(): string | null {
    return this.#chars(this.int16());
  }

  compactText(): string | null {
    return this.#chars(this.varint() - 1);
  }

  tags(): void {
    for (let left = this.varint(); left > 0; left--) {
      this.varint();
      this.at += this.varint();
    }
  }

  #chars(length: number): string | null {
    if (length < 0) return null;
    this.at += length;
    return new TextDecoder().decode(
      this.#bytes.subarray(this.at - length, this.at),
    );
  }
}

function text(value: string): Uint8Array {
  const bytes = new TextEncoder().encode(value);
  const length = new Uint8Array(2);
  viewOf(length).setInt16(0, bytes.length);
  return joined([length, bytes]);
}

/** Of less than 127 bytes, as addresses on loopback are. */
function compactText(value: string): Uint8Array {
  const bytes = new TextEncoder().encode(value);
  return joined([Uint8Array.of(bytes.length + 1), bytes]);
}

function int32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  viewOf(bytes).setInt32(0, value);
  return bytes;
}

function framed(parts: readonly Uint8Array[]): Uint8Array {
  const frame = joined(parts);
  viewOf(frame).setInt32(0, frame.length - LENGTH_BYTES);
  return frame;
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(
    parts.reduce((sum, { length }) => sum + length, 0),
  );
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

const viewOf = (bytes: Uint8Array) =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
