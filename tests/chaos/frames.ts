/**
 * Kafka's framing, as far as a proxy must know it. Both directions are a 32-bit
 * length and that many bytes; requests begin with api key, version and
 * correlation id, answers with the correlation id of their request.
 */

/** The requests that the tests name. */
export const apiKeys = {
  Produce: 0,
  Fetch: 1,
  OffsetCommit: 8,
  JoinGroup: 11,
  Heartbeat: 12,
  SyncGroup: 14,
  InitProducerId: 22,
  AddPartitionsToTxn: 24,
  AddOffsetsToTxn: 25,
  EndTxn: 26,
  TxnOffsetCommit: 28,
} as const;

export type ApiName = keyof typeof apiKeys;

/** Bytes in a row that belong to one frame. */
export interface Piece {
  readonly bytes: Uint8Array;
  /** Only of a frame's first piece: what follows its length. */
  readonly head?: DataView;
}

const lengthBytes = 4;

/** Cuts a stream into pieces of frames, and holds back no more than a head. */
export class FrameScanner {
  readonly #startBytes: number;
  /** What there is of a frame's start, while it is incomplete. */
  #start: Uint8Array = new Uint8Array(0);
  /** Of the current frame, still to come. */
  #restBytes = 0;

  /** @param headBytes that `Piece.head` must hold, unless a frame is shorter. */
  constructor(headBytes: number) {
    this.#startBytes = lengthBytes + headBytes;
  }

  /** @throws {RangeError} for a length that no frame can have. */
  *push(chunk: Uint8Array): Generator<Piece> {
    for (let rest = chunk; rest.length > 0;) {
      if (this.#restBytes > 0) {
        const bytes = rest.subarray(0, this.#restBytes);
        this.#restBytes -= bytes.length;
        rest = rest.subarray(bytes.length);
        yield { bytes };
        continue;
      }
      const wanted = this.#wantedBytes();
      const taken = rest.subarray(0, wanted - this.#start.length);
      this.#start = joined(this.#start, taken);
      rest = rest.subarray(taken.length);
      if (this.#start.length < this.#wantedBytes()) continue;
      const bytes = this.#start;
      this.#start = new Uint8Array(0);
      this.#restBytes = lengthBytes + lengthOf(bytes) - bytes.length;
      yield { bytes, head: viewOf(bytes, lengthBytes) };
    }
  }

  /** Of the start: more once its length is known to be enough. */
  #wantedBytes(): number {
    if (this.#start.length < lengthBytes) return lengthBytes;
    return Math.min(this.#startBytes, lengthBytes + lengthOf(this.#start));
  }
}

function lengthOf(start: Uint8Array): number {
  const length = viewOf(start, 0).getInt32(0);
  if (length < 0) throw new RangeError(`a frame of ${length} bytes`);
  return length;
}

const viewOf = (bytes: Uint8Array, at: number) =>
  new DataView(bytes.buffer, bytes.byteOffset + at, bytes.byteLength - at);

function joined(one: Uint8Array, other: Uint8Array): Uint8Array {
  const both = new Uint8Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}
