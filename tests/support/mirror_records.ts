/**
 * MirrorMaker 2's records as its documents describe them, without the mirror's
 * own codecs.
 */
import { Buffer } from "node:buffer";
import type { CutLeaderOptions } from "../../dr/cut/mod.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export const MIRROR_FORMATS: CutLeaderOptions["formats"] = {
  checkpoint: {
    encode: ({ group, topic, partition, upstream, downstream, metadata }) => ({
      key: bytes(text(group), text(topic), int32(partition)),
      value: bytes(
        new Uint8Array(2),
        int64(upstream),
        int64(downstream),
        text(metadata),
      ),
    }),
    decode(key, value) {
      const [keys, values] = [new Fields(key!), new Fields(value!)];
      const [group, topic] = keys.texts(2);
      const partition = keys.int32();
      values.int16();
      const [upstream, downstream] = [values.int64(), values.int64()];
      return {
        group: group!,
        topic: topic!,
        partition,
        upstream,
        downstream,
        metadata: values.text(),
      };
    },
  },
  encodeHeartbeat: ({ source, target, timestampMs }) => ({
    key: bytes(text(source), text(target)),
    value: bytes(new Uint8Array(2), int64(timestampMs)),
  }),
  encodeOffsetSync: ({ topic, partition, upstream, downstream }) => ({
    key: bytes(text(topic), int32(partition)),
    value: bytes(int64(upstream), int64(downstream)),
  }),
};

function bytes(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

function int32(value: number): Uint8Array {
  const buffer = Buffer.alloc(4);
  buffer.writeInt32BE(value);
  return buffer;
}

function int64(value: number): Uint8Array {
  const buffer = Buffer.alloc(8);
  buffer.writeBigInt64BE(BigInt(value));
  return buffer;
}

function text(value: string): Uint8Array {
  const encoded = encoder.encode(value);
  const buffer = Buffer.alloc(2);
  buffer.writeInt16BE(encoded.length);
  return bytes(buffer, encoded);
}

/** Reads what the functions above write. */
export class Fields {
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  int16 = () => this.#view.getInt16(this.#advance(2));
  int32 = () => this.#view.getInt32(this.#advance(4));
  int64 = () => Number(this.#view.getBigInt64(this.#advance(8)));

  text(): string {
    const length = this.int16();
    const { buffer, byteOffset } = this.#view;
    return decoder.decode(
      new Uint8Array(buffer, byteOffset + this.#advance(length), length),
    );
  }

  texts(count: number): string[] {
    return Array.from({ length: count }, () => this.text());
  }

  #advance(length: number): number {
    this.#at += length;
    return this.#at - length;
  }
}
