/**
 * Every position that groups have ever committed, as `__consumer_offsets` holds
 * them: big-endian, a text has its 16-bit length before it, no text has -1.
 *
 *     key    int16 version 0 or 1, text group, text topic, int32 partition
 *     value  int16 version, int64 offset, (from 3 on: int32 leader epoch),
 *            text metadata, ...
 */

export interface GroupCommit {
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
  /** Null: the position was deleted. */
  readonly position: {
    readonly offset: number;
    readonly metadata: string;
  } | null;
}

const lastKeyVersion = 1;
const epochVersion = 3;

/** Undefined for records about members. @throws {RangeError} for torn ones. */
export function groupCommitOf(
  key: Uint8Array | null,
  value: Uint8Array | null,
): GroupCommit | undefined {
  if (key === null) return undefined;
  const reader = new Fields(key);
  const version = reader.int16();
  if (version < 0 || version > lastKeyVersion) return undefined;
  const about = {
    group: reader.text(),
    topic: reader.text(),
    partition: reader.int32(),
  };
  return { ...about, position: value === null ? null : positionOf(value) };
}

function positionOf(value: Uint8Array) {
  const reader = new Fields(value);
  const version = reader.int16();
  const offset = reader.int64();
  if (version >= epochVersion) reader.int32();
  return { offset, metadata: reader.text() };
}

class Fields {
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(
      bytes.buffer,
      bytes.byteOffset,
      bytes.byteLength,
    );
  }

  int16 = (): number => this.#view.getInt16(this.#advance(2));
  int32 = (): number => this.#view.getInt32(this.#advance(4));
  int64 = (): number => Number(this.#view.getBigInt64(this.#advance(8)));

  /** Empty for none. */
  text(): string {
    const length = Math.max(0, this.int16());
    const at = this.#advance(length);
    return new TextDecoder().decode(this.#bytes.subarray(at, at + length));
  }

  #advance(length: number): number {
    const at = this.#at;
    this.#at += length;
    return at;
  }
}
