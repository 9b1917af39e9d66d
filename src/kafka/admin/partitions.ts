/** Offsets that partitions have, and deleting their oldest records. */
import {
  ErrorCode,
  isLeaderless,
  isLeaderOutdated,
  isTopicUnknown,
  KafkaError,
} from "../errors.ts";
import { addressOf, readPointerArray } from "../memory.ts";
import {
  type PartitionAnswer,
  type PartitionOffset,
  readPartition,
  readPartitionList,
  type TopicPartition,
  withPartitionList,
} from "../partition_list.ts";
import {
  type LeaderAccess,
  requestList,
  type RequestOptions,
} from "./request.ts";

/** Which offset is asked for. */
export interface OffsetQuery extends TopicPartition {
  /**
   * `maxTimestamp`: of the record with the newest time; a number: the first
   * at or after that time, in ms since the epoch.
   */
  readonly at: "earliest" | "latest" | "maxTimestamp" | number;
}

export interface OffsetAnswer extends TopicPartition {
  /** Null where no record matches. */
  readonly offset: number | null;
  /** Of that record, in ms since the epoch; null where there is none. */
  readonly timestampMs: number | null;
  readonly leaderEpoch: number | null;
  readonly error: KafkaError | null;
}

const AT = { earliest: -2, latest: -1, maxTimestamp: -3 } as const;

interface OffsetOptions extends RequestOptions {
  readonly readCommitted?: boolean;
}

export class PartitionAdmin {
  readonly #access: LeaderAccess;

  constructor(access: LeaderAccess) {
    this.#access = access;
  }

  /**
   * With `readCommitted`, `latest` is the last stable offset.
   * @throws {KafkaError} where no partition of all has a leader, too; see
   * `isLeaderless`.
   */
  offsets(
    queries: readonly OffsetQuery[],
    options: OffsetOptions,
  ): Promise<OffsetAnswer[]> {
    if (queries.length === 0) return Promise.resolve([]);
    return this.#withLeaders(
      queries,
      options,
      async (limited) =>
        withSilence(queries, await this.#offsets(queries, limited)),
    );
  }

  /**
   * Deletes what lies before each offset; answers with the first that stays.
   * @throws {KafkaError} as `offsets`.
   */
  deleteRecords(
    before: readonly PartitionOffset[],
    options: RequestOptions,
  ): Promise<PartitionAnswer[]> {
    if (before.length === 0) return Promise.resolve([]);
    return this.#withLeaders(
      before,
      options,
      (limited) => this.#deleteRecords(before, limited),
    );
  }

  /**
   * Asks once more what failed for want of a leader.
   *
   * librdkafka (2.15.1) looks leaders up in a cache and takes for permanent what
   * that says of a topic that is not known, a partition that is not there, or
   * one without a leader: no broker is asked. Such an entry is to live for 100 ms
   * where the topic is unknown, but entries leave the cache in the order in which
   * they came (`rd_kafka_metadata_cache_evict`): behind that of another topic it
   * stays for up to 15 minutes. Nor does it give up an entry that a leader which
   * was elected again refuses for its epoch (`rd_kafka_admin_result_err_refresh`):
   * after the restart of a single broker every question would fail for as long.
   * So a broker is asked, whose answer replaces what the cache has.
   */
  async #withLeaders<T extends TopicPartition & Failing>(
    partitions: readonly TopicPartition[],
    options: OffsetOptions,
    ask: (options: OffsetOptions) => Promise<T[]>,
  ): Promise<T[]> {
    const deadline = performance.now() + options.timeoutMs;
    const limited = () => {
      const leftMs = Math.floor(deadline - performance.now());
      return { ...options, timeoutMs: Math.max(1, leftMs) };
    };
    let missing = partitions;
    try {
      const answers = await ask(options);
      missing = answers.filter(({ error }) =>
        error !== null &&
        (isTopicUnknown(error.code) || isLeaderOutdated(error.code))
      );
      if (missing.length === 0) return answers;
    } catch (error) {
      if (!(error instanceof KafkaError && isLeaderless(error.code))) {
        throw error;
      }
    }
    const topics = new Set(missing.map(({ topic }) => topic));
    await this.#access.refresh([...topics], limited());
    return await ask(limited());
  }

  async #offsets(
    queries: readonly OffsetQuery[],
    options: OffsetOptions,
  ): Promise<OffsetAnswer[]> {
    const { core, symbols } = this.#access;
    const partitions = queries.map(({ topic, partition, at }) => ({
      topic,
      partition,
      offset: typeof at === "number" ? at : AT[at],
    }));
    return await this.#access.request(
      "list offsets",
      options,
      ({ client, settings, queue }) =>
        withPartitionList(
          core,
          partitions,
          (list) => symbols.rd_kafka_ListOffsets(client, list, settings, queue),
        ),
      (answer) =>
        readPointerArray((length) =>
          symbols.rd_kafka_ListOffsets_result_infos(answer, length)
        ).map((each) => this.#answer(each)),
    );
  }

  #deleteRecords(
    before: readonly PartitionOffset[],
    options: RequestOptions,
  ): Promise<PartitionAnswer[]> {
    const { core, symbols } = this.#access;
    return requestList(this.#access, [before], options, {
      doing: "delete records",
      build: (offsets) =>
        withPartitionList(
          core,
          offsets,
          symbols.rd_kafka_DeleteRecords_new,
        ),
      destroy: symbols.rd_kafka_DeleteRecords_destroy,
      send: symbols.rd_kafka_DeleteRecords,
      read: (answer) =>
        readPartitionList(
          core,
          symbols.rd_kafka_DeleteRecords_result_offsets(answer),
          "delete records of",
        ),
    });
  }

  #answer(native: Deno.PointerObject): OffsetAnswer {
    const { core, symbols } = this.#access;
    const partition = symbols.rd_kafka_ListOffsetsResultInfo_topic_partition(
      native,
    );
    const timestampMs = Number(
      symbols.rd_kafka_ListOffsetsResultInfo_timestamp(native),
    );
    const { topic, partition: number, offset, leaderEpoch, error } =
      readPartition(core, addressOf(partition), "offset of");
    return {
      topic,
      partition: number,
      offset,
      timestampMs: timestampMs < 0 ? null : timestampMs,
      leaderEpoch,
      error,
    };
  }
}

/**
 * librdkafka (2.15.1) forgets why one of the leaders failed, for example by a
 * time-out: the offset is missing, and there is no error
 * (`rd_kafka_ListOffsets_response_merge`). Every log has a beginning and an end.
 */
export function withSilence(
  queries: readonly OffsetQuery[],
  answers: readonly OffsetAnswer[],
): OffsetAnswer[] {
  const known = new Set(
    queries.filter(({ at }) => at === "earliest" || at === "latest")
      .map(({ partition, topic }) => `${topic}-${partition}`),
  );
  return answers.map((answer) => {
    const { error, offset, partition, topic } = answer;
    const isSilent = error === null && offset === null &&
      known.has(`${topic}-${partition}`);
    return !isSilent ? answer : {
      ...answer,
      error: new KafkaError(
        `offset of ${topic} [${partition}]: its leader does not answer`,
        { code: ErrorCode.timedOut, codeName: "_TIMED_OUT" },
      ),
    };
  });
}

interface Failing {
  readonly error: KafkaError | null;
}
