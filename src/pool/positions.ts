/** Where the offsets of settled records are kept, and how they get there. */
import type { Partition } from "./partitions.ts";

export interface Positions {
  /**
   * Makes what has settled so far durable, of all partitions or of some. What
   * could not be stays due, and is due to whoever owns the partition next.
   * @throws {KafkaError} when the cluster refuses it for good.
   */
  commit(of?: readonly Partition[]): Promise<void>;
  /** From now on no commit begins, not even one that waits for another. */
  end(): void;
}
