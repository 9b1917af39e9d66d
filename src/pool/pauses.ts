/**
 * Which partitions are paused at the broker, and why. A partition goes on when
 * no reason is left, so that those who pause need not know of one another.
 */
import type { Consumer } from "../kafka/mod.ts";
import type { Log } from "../telemetry/log.ts";
import { METADATA_BYTES } from "./offset_ranges.ts";
import type { Partition } from "./partitions.ts";

export type PauseReason =
  /** It has no thread, or is on its way to one. */
  | "placement"
  /** Its next record is not due. */
  | "deferral"
  /** What is settled above its position nearly fills a commit's metadata. */
  | "metadata";

const PAUSE_BYTES = METADATA_BYTES * 3 / 4;
const RESUME_BYTES = METADATA_BYTES / 2;

export class Pauses {
  readonly #consumer: Pick<Consumer, "pause" | "resume">;
  readonly #log: Log;

  constructor(consumer: Pick<Consumer, "pause" | "resume">, log: Log) {
    this.#consumer = consumer;
    this.#log = log;
  }

  /** Pauses anew even where it is paused: that drops what was fetched. */
  pause(partitions: readonly Partition[], reason: PauseReason): void {
    if (partitions.length === 0) return;
    for (const each of partitions) each.paused.add(reason);
    this.#consumer.pause(tpsOf(partitions));
  }

  resume(partitions: readonly Partition[], reason: PauseReason): void {
    for (const each of partitions) each.paused.delete(reason);
    const free = partitions.filter((each) => each.paused.size === 0);
    if (free.length > 0) this.#consumer.resume(tpsOf(free));
  }

  /**
   * Holds a partition back while its oldest open records let too much pile up
   * behind them, and lets it go on when they are done.
   *
   * What a former owner settled does not count before this one has settled
   * something above it, hence has taken all that is open below: without that a
   * new owner might be held back from the very records that are waited for.
   */
  judge(partition: Partition): void {
    const bytes = partition.metadata.length;
    const { topic, partition: number } = partition.tp;
    const fields = { topic, partition: number, metadataBytes: bytes };
    if (partition.paused.has("metadata")) {
      if (bytes >= RESUME_BYTES) return;
      this.#log.info("partition goes on", fields);
      this.resume([partition], "metadata");
    } else if (bytes > PAUSE_BYTES && topOf(partition) > partition.inherited) {
      this.#log.warn("partition waits for its oldest records", fields);
      this.pause([partition], "metadata");
    }
  }

  /**
   * A new owner must take what the former one left open, and says itself when
   * a record is not due.
   */
  forgive(partitions: readonly Partition[]): void {
    for (const { paused } of partitions) {
      paused.delete("metadata");
      paused.delete("deferral");
    }
  }
}

/** The offset after the last that is settled. */
const topOf = ({ next, beyond }: Partition) => beyond.at(-1) ?? next;

const tpsOf = (partitions: readonly Partition[]) =>
  partitions.map((each) => each.tp);
