/** Records of one stay; they are committed there or nowhere. */
import type { ClusterName } from "../state/types.ts";
import type { Taken } from "./group_commits.ts";
import type { GroupReader } from "./group_reader.ts";
import type { FollowedRecord } from "./records.ts";

export class FollowedBatch {
  readonly cluster: ClusterName;
  /** Of the stay, see `Stay`: it grows with each switch. */
  readonly epoch: number;
  readonly records: readonly FollowedRecord[];
  /**
   * Aborts when the cluster is left. The records will be read again, there or
   * from the other cluster: stop handling them.
   */
  readonly signal: AbortSignal;
  readonly #reader: GroupReader;
  readonly #taken: Taken;

  constructor(reader: GroupReader, taken: Taken) {
    const { cluster, epoch, signal } = reader.stay;
    this.cluster = cluster;
    this.epoch = epoch;
    this.signal = signal;
    this.records = taken.records;
    this.#reader = reader;
    this.#taken = taken;
  }

  /**
   * Lets the group go on behind these records. Waits while the cluster cannot be
   * reached. A commit that is refused does not mean that it was never taken: the
   * answer may have been lost.
   * @throws {FollowError} `stale` when the cluster was left, or where the group
   * has given partitions to another member; {KafkaError} when the cluster
   * refuses for good; the signal's reason.
   */
  async commit(signal: AbortSignal): Promise<void> {
    await this.#reader.commits.commit(this.#taken, signal);
  }
}
