/** What sentinels and pools think of the clusters, each by its latest vote. */
import { unlessAborted } from "../waits.ts";
import type { Library, OutputRecord } from "../../src/kafka/mod.ts";
import { VOTES_TOPIC } from "../formats/mod.ts";
import { RecordWriter } from "../cut/record_writer.ts";
import type { OnClientEvent, StateCluster } from "./cluster.ts";
import { encodeVote } from "./codec.ts";
import type { Unreadable } from "./copies.ts";
import { withDeadline } from "./deadline.ts";
import { logEnd, PARTITION } from "./read_log.ts";
import { tailTopic } from "./tail.ts";
import type { Vote } from "./types.ts";
import { type Ballot, VoteTable } from "./vote_table.ts";

export interface VotesOptions {
  readonly library: Library;
  /** The secondary. */
  readonly cluster: StateCluster;
  readonly onClientEvent: OnClientEvent;
  /** Of casting, and of reading. */
  readonly requestMs: number;
  readonly onUnreadable: (record: Unreadable) => void;
  /** Reading begins anew after it. */
  readonly onFailure: (error: Error) => void;
}

export class Votes implements AsyncDisposable {
  readonly #options: VotesOptions;
  readonly #writer: RecordWriter;
  readonly #table = new VoteTable();
  readonly #closed = new AbortController();
  readonly #reading: Promise<void>;
  #position = 0;
  /** Settles with each round of reading. */
  #round = Promise.withResolvers<void>();

  /** Begins to read. */
  constructor(options: VotesOptions) {
    const { cluster, library, onClientEvent } = options;
    this.#options = options;
    this.#writer = new RecordWriter({
      library,
      properties: cluster.producer,
      onEvent: onClientEvent,
    });
    this.#reading = this.#read();
  }

  /**
   * Resolves when the brokers have it.
   * @throws {StateError | KafkaError} when it was not acknowledged in time; it
   * may count all the same. The signal's reason.
   */
  cast(vote: Vote, signal: AbortSignal): Promise<void> {
    return this.#write(encodeVote(vote), signal);
  }

  /** Takes back the last vote of one who leaves. @throws as `cast`. */
  withdraw(voter: string, signal: AbortSignal): Promise<void> {
    return this.#write({ key: voter, value: null }, signal);
  }

  /**
   * All that was acknowledged before this was called, to anyone.
   * @throws {StateError | KafkaError} where the secondary does not answer in
   * time; the signal's reason.
   */
  current(signal: AbortSignal): Promise<Ballot> {
    const { cluster, requestMs } = this.#options;
    return withDeadline(
      requestMs,
      "read the votes",
      AbortSignal.any([signal, this.#closed.signal]),
      async (limited) => {
        const end = await logEnd(cluster, VOTES_TOPIC, "stable", limited);
        while (this.#position < end) {
          await unlessAborted(this.#round.promise, limited);
        }
        return this.#table.ballot;
      },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort(new TypeError("these votes have been closed"));
    await this.#reading;
    await this.#writer[Symbol.asyncDispose]();
  }

  #write(
    record: Pick<OutputRecord, "key" | "value">,
    signal: AbortSignal,
  ): Promise<void> {
    const output = { ...record, topic: VOTES_TOPIC, partition: PARTITION };
    return withDeadline(
      this.#options.requestMs,
      "cast a vote",
      signal,
      (limited) => this.#writer.write([output], limited),
    );
  }

  async #read(): Promise<void> {
    const { onUnreadable } = this.#options;
    const rounds = tailTopic({
      ...this.#options,
      topic: VOTES_TOPIC,
      signal: this.#closed.signal,
    });
    for await (const { position, records } of rounds) {
      for (const record of records) {
        const unreadable = this.#table.take(record);
        if (unreadable !== null) onUnreadable(unreadable);
      }
      this.#position = position;
      const round = this.#round;
      this.#round = Promise.withResolvers();
      round.resolve();
    }
  }
}
