/** Offsets that partitions have, and deleting their oldest records. */
import type { KafkaError } from "../errors.ts";
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
  type AdminAccess,
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

export class PartitionAdmin {
  readonly #access: AdminAccess;

  constructor(access: AdminAccess) {
    this.#access = access;
  }

  /** With `readCommitted`, `latest` is the last stable offset. */
  async offsets(
    queries: readonly OffsetQuery[],
    options: RequestOptions & { readonly readCommitted?: boolean },
  ): Promise<OffsetAnswer[]> {
    if (queries.length === 0) return [];
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

  /** Deletes what lies before each offset; answers with the first that stays. */
  deleteRecords(
    before: readonly PartitionOffset[],
    options: RequestOptions,
  ): Promise<PartitionAnswer[]> {
    const { core, symbols } = this.#access;
    const requests = before.length === 0 ? [] : [before];
    return requestList(this.#access, requests, options, {
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
