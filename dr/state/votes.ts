/** What sentinels and pools think of the clusters, each by its latest vote. */
import type { Library, OutputRecord } from "../../src/kafka/mod.ts";
import { VOTES_TOPIC } from "../formats/mod.ts";
import { RecordWriter } from "../cut/record_writer.ts";
import type { OnClientEvent, StateCluster } from "./cluster.ts";
import { encodeVote } from "./codec.ts";
import type { Unreadable } from "./copies.ts";
import { withDeadline } from "./deadline.ts";
import { PARTITION } from "./read_log.ts";
import { keepTail, type KeptTail } from "./tail.ts";
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
  readonly #tail: KeptTail;

  /** Begins to read. */
  constructor(options: VotesOptions) {
    const { cluster, library, onClientEvent, onUnreadable } = options;
    this.#options = options;
    this.#writer = new RecordWriter({
      library,
      properties: cluster.producer,
      onEvent: onClientEvent,
    });
    const { signal } = this.#closed;
    this.#tail = keepTail(
      { ...options, topic: VOTES_TOPIC, signal },
      (record) => {
        const unreadable = this.#table.take(record);
        if (unreadable !== null) onUnreadable(unreadable);
      },
    );
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
    return withDeadline(
      this.#options.requestMs,
      "read the votes",
      AbortSignal.any([signal, this.#closed.signal]),
      async (limited) => {
        await this.#tail.reachEnd("stable", limited);
        return this.#table.ballot;
      },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort(new TypeError("these votes have been closed"));
    await this.#tail.ended;
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
}
