/** Commits settled positions, one commit at a time. */
import { type Consumer, isFencedMember, KafkaError } from "../kafka/mod.ts";
import type { Log } from "../telemetry/log.ts";
import type { Partition, Partitions } from "./partitions.ts";
import type { PoolSpans } from "./pool_spans.ts";
import type { Positions } from "./positions.ts";
import { Serial } from "./serial.ts";
import { Tally } from "./tally.ts";

export class Commits implements Positions {
  readonly #consumer: Consumer;
  readonly #partitions: Partitions;
  readonly #log: Log;
  readonly #spans: PoolSpans | null;
  readonly #tally: Tally;
  readonly #serial = new Serial();
  #ended = false;

  constructor(
    consumer: Consumer,
    partitions: Partitions,
    log: Log,
    spans: PoolSpans | null = null,
    tally = new Tally(),
  ) {
    this.#consumer = consumer;
    this.#partitions = partitions;
    this.#log = log;
    this.#spans = spans;
    this.#tally = tally;
  }

  /**
   * Commits what has settled, of all partitions or of some. What could not be
   * committed stays due, and is due to whoever owns the partition next.
   * @throws {KafkaError} when the cluster refuses commits for good.
   */
  commit(of?: readonly Partition[]): Promise<void> {
    return this.#serial.run(async () => {
      if (this.#ended) return;
      const offsets = this.#partitions.uncommitted(of);
      if (offsets.length === 0) return;
      try {
        const send = () =>
          this.#tally.timed(() => this.#consumer.commit(offsets));
        const answers = await (this.#spans?.commit(offsets, send) ?? send());
        answers.forEach((answer, index) => {
          if (answer.error === null) {
            this.#partitions.committed(answer, offsets[index]!);
          } else {
            this.#log.warn("commit failed", { error: answer.error.message });
          }
        });
      } catch (error) {
        if (!(error instanceof KafkaError)) throw error;
        // Fenced: a rebalance is under way, and its events will follow.
        if (!error.retriable && !isFencedMember(error.code)) throw error;
        this.#log.debug("commit failed", { error: error.message });
      }
    });
  }

  end(): void {
    this.#ended = true;
  }
}
