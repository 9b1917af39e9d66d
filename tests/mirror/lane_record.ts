/**
 * A record of a mirror's lane log, decoded anew from the description of its
 * format (version 1; varints of 7 bits, the lowest first; zigzag: signed ones
 * mapped to them; a text has its length before it):
 *
 *     byte version | byte kind (0 delta, 1 snapshot) | varint era | varint part
 *     varint parts | varint topics
 *     topic:      text source topic | 16 bytes topic id | varint partitions
 *     partition:  varint partition | varint position | varint leader epoch + 1
 *                 (0: not known) | varint runs
 *     run:        varint upstream - upstream end of the partition's run before
 *                 zigzag downstream - downstream end of it | varint length
 *                 (0: a mark, below which nothing is known up to the run before)
 */

/** Records without gaps, on both sides; of length 0: a mark. */
export interface OffsetRun {
  readonly upstream: number;
  readonly downstream: number;
  readonly length: number;
}

export interface LanePartition {
  readonly topic: string;
  /** In hexadecimal digits. */
  readonly topicId: string;
  readonly partition: number;
  /** Upstream, the next to be read. */
  readonly position: number;
  /** Of the last record that was mirrored; null: not known. */
  readonly leaderEpoch: number | null;
  readonly runs: readonly OffsetRun[];
}

export interface LaneRecord {
  readonly kind: "delta" | "snapshot";
  readonly era: number;
  readonly part: number;
  readonly parts: number;
  readonly partitions: readonly LanePartition[];
}

const idBytes = 16;
const decoder = new TextDecoder("utf-8", { fatal: true });

/** @throws {RangeError | TypeError} saying what is wrong with the bytes. */
export function decodeLaneRecord(bytes: Uint8Array): LaneRecord {
  const reader = new Bytes(bytes);
  const version = reader.byte();
  if (version !== 1) throw new RangeError(`version ${version}`);
  const kind = (["delta", "snapshot"] as const)[reader.byte()];
  if (kind === undefined) throw new RangeError("neither delta nor snapshot");
  const era = reader.varint();
  const part = reader.varint();
  const parts = reader.varint();
  if (part >= parts) throw new RangeError(`part ${part} of ${parts}`);
  const partitions = reader.several(() => {
    const topic = decoder.decode(reader.take(reader.varint()));
    const topicId = reader.take(idBytes).toHex();
    return reader.several(() => ({
      topic,
      topicId,
      partition: reader.varint(),
      position: reader.varint(),
      leaderEpoch: leaderEpochOf(reader),
      runs: runsOf(reader),
    }));
  }).flat();
  reader.end();
  return { kind, era, part, parts, partitions };
}

function leaderEpochOf(reader: Bytes): number | null {
  const value = reader.varint();
  return value === 0 ? null : value - 1;
}

function runsOf(reader: Bytes): OffsetRun[] {
  let upstreamEnd = 0;
  let downstreamEnd = 0;
  return reader.several(() => {
    const upstream = upstreamEnd + reader.varint();
    const downstream = downstreamEnd + reader.zigzag();
    const length = reader.varint();
    upstreamEnd = upstream + length;
    downstreamEnd = downstream + length;
    return { upstream, downstream, length };
  });
}

class Bytes {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  byte(): number {
    return this.take(1)[0]!;
  }

  take(count: number): Uint8Array {
    const at = this.#at;
    if (at + count > this.#bytes.length) throw new RangeError("too few bytes");
    this.#at += count;
    return this.#bytes.subarray(at, at + count);
  }

  varint(): number {
    let value = 0;
    for (let factor = 1;; factor *= 128) {
      const byte = this.byte();
      value += byte % 128 * factor;
      if (byte < 128) break;
    }
    if (!Number.isSafeInteger(value)) {
      throw new RangeError("a varint too large");
    }
    return value;
  }

  zigzag(): number {
    const value = this.varint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  several<T>(one: () => T): T[] {
    return Array.from({ length: this.varint() }, one);
  }

  end(): void {
    const left = this.#bytes.length - this.#at;
    if (left > 0) throw new RangeError(`${left} bytes too many`);
  }
}
