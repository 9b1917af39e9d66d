/**
 * MirrorMaker 2's offset syncs: pairs of offsets by which a real MM2 translates
 * groups once it takes over. The mirror itself needs none.
 *
 * MM2 writes one for each 100 records; here it is the newest pair of each
 * partition, as often as `emit` is called: what matters to whoever takes over is
 * near the end.
 */
import type { TopicPartition } from "../../src/kafka/mod.ts";
import type { RecordWriter } from "./record_writer.ts";
import type { Entry } from "./types.ts";

/** The record at `upstream` of the source is at `downstream` of the target. */
export interface OffsetSync extends TopicPartition {
  readonly upstream: number;
  readonly downstream: number;
}

export interface OffsetSyncParts {
  /** `mm2-offset-syncs.<target>.internal` on the source, or MM2's other place. */
  readonly topic: string;
  readonly encode: (sync: OffsetSync) => Entry;
  readonly writer: Pick<RecordWriter, "write">;
  /** The last record of each source partition that was mirrored. */
  readonly newest: () => Iterable<OffsetSync>;
}

export class OffsetSyncs {
  readonly #parts: OffsetSyncParts;
  /** By partition: the upstream and downstream offset written last. */
  readonly #written = new Map<string, readonly [number, number]>();

  constructor(parts: OffsetSyncParts) {
    this.#parts = parts;
  }

  /**
   * Writes what has changed.
   * @throws {KafkaError} when it is not all acknowledged.
   */
  async emit(signal: AbortSignal): Promise<void> {
    const { encode, newest, topic, writer } = this.#parts;
    const syncs = Array.from(newest()).filter((sync) => {
      const written = this.#written.get(keyOf(sync));
      return written?.[0] !== sync.upstream || written[1] !== sync.downstream;
    });
    await writer.write(
      syncs.map((sync) => ({ topic, partition: 0, ...encode(sync) })),
      signal,
    );
    for (const sync of syncs) {
      this.#written.set(keyOf(sync), [sync.upstream, sync.downstream]);
    }
  }
}

const keyOf = ({ topic, partition }: TopicPartition) => `${topic}-${partition}`;
