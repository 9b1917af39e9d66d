/** What the source's brokers say of topics and of what partitions hold. */
import {
  type Admin,
  isTopicUnknown,
  KafkaError,
  type OffsetAnswer,
  type TopicPartition,
} from "../../src/kafka/mod.ts";
import { unlessAborted } from "../waits.ts";
import { Coalesced } from "./coalesced.ts";
import type { Identity, LogState } from "./damage.ts";

/** Only what it needs of one. */
export type SourceAdmin = Pick<Admin, "topics" | "partitions">;

type OffsetState = Extract<LogState, { kind: "unknown" }> | {
  readonly kind: "known";
  readonly offset: number;
  readonly leaderEpoch: number | null;
};

export class SourceView {
  readonly #admin: SourceAdmin;
  readonly #timeoutMs: number;
  readonly #identities: Coalesced<string, ReadonlyMap<string, Identity>>;

  /** @param timeoutMs for each request. */
  constructor(admin: SourceAdmin, timeoutMs: number) {
    this.#admin = admin;
    this.#timeoutMs = timeoutMs;
    this.#identities = new Coalesced((topics) => this.#identify(topics));
  }

  /**
   * By name, of the topics asked for and maybe others; the request starts after
   * the call.
   * @throws {KafkaError} when the source does not answer.
   */
  identities(
    topics: Iterable<string>,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, Identity>> {
    signal.throwIfAborted();
    return unlessAborted(this.#identities.ask(topics), signal);
  }

  /**
   * By two requests to each leader, side by side.
   * @throws {KafkaError} when the source does not answer.
   */
  async logs(
    partitions: readonly TopicPartition[],
    signal: AbortSignal,
  ): Promise<(tp: TopicPartition) => LogState> {
    const [starts, ends] = await Promise.all([
      this.#offsets(partitions, "earliest", signal),
      this.#offsets(partitions, "latest", signal),
    ]);
    return (tp) => {
      const [start, end] = [starts(tp), ends(tp)];
      if (start.kind === "unknown") return start;
      if (end.kind === "unknown") return end;
      const { offset, leaderEpoch } = end;
      return { kind: "known", start: start.offset, end: offset, leaderEpoch };
    };
  }

  /** Without any caller's signal, because several share the request. */
  async #identify(
    topics: readonly string[],
  ): Promise<ReadonlyMap<string, Identity>> {
    const timeoutMs = this.#timeoutMs;
    const answers = await this.#admin.topics.summarize(topics, { timeoutMs });
    return new Map(
      answers.map(({ topic, topicId, error }): [string, Identity] => [
        topic,
        error === null
          ? { kind: "present", topicId }
          : isTopicUnknown(error.code)
          ? { kind: "absent" }
          : { kind: "unknown", reason: error.message },
      ]),
    );
  }

  async #offsets(
    partitions: readonly TopicPartition[],
    at: "earliest" | "latest",
    signal: AbortSignal,
  ): Promise<(tp: TopicPartition) => OffsetState> {
    try {
      const answers = await this.#admin.partitions.offsets(
        partitions.map(({ topic, partition }) => ({ topic, partition, at })),
        { timeoutMs: this.#timeoutMs, signal },
      );
      const states = new Map(
        answers.map((each) => [partitionKey(each), stateOf(each)]),
      );
      return (tp) => states.get(partitionKey(tp)) ?? unknown("no answer");
    } catch (error) {
      // Of all together, where one of the topics has just been deleted.
      if (!(error instanceof KafkaError) || error.retriable) throw error;
      return () => unknown(error.message);
    }
  }
}

export const partitionKey = ({ topic, partition }: TopicPartition) =>
  `${topic}/${partition}`;

function stateOf({ offset, leaderEpoch, error }: OffsetAnswer): OffsetState {
  if (error !== null) return unknown(error.message);
  return offset === null
    ? unknown("the leader named no offset")
    : { kind: "known", offset, leaderEpoch };
}

const unknown = (reason: string) => ({ kind: "unknown", reason } as const);
