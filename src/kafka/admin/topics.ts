/** Topics: what exists, and creating, growing and deleting it. */
import { errorFromCode, type KafkaError } from "../errors.ts";
import {
  cString,
  cStringArray,
  readCString,
  readPointerArray,
} from "../memory.ts";
import {
  type AdminAccess,
  built,
  type ChangeOptions,
  readItemError,
  requestList,
  type RequestOptions,
} from "./request.ts";

/** A topic to be created; what is left out is the broker's default. */
export interface NewTopic {
  readonly topic: string;
  readonly partitions?: number | undefined;
  readonly replicationFactor?: number | undefined;
  readonly config?: Readonly<Record<string, string>> | undefined;
}

export interface TopicAnswer {
  readonly topic: string;
  readonly error: KafkaError | null;
}

export interface TopicDescription extends TopicAnswer {
  /** As Kafka prints it; a topic that is created again has another. */
  readonly topicId: string;
  readonly isInternal: boolean;
  readonly partitions: readonly PartitionDescription[];
}

/** A topic without its partitions one by one, for questions about many. */
export interface TopicSummary extends TopicAnswer {
  /** As in `TopicDescription`. */
  readonly topicId: string;
  readonly partitions: number;
  /** Replicas of its first partition; 0 where there is none. */
  readonly replicationFactor: number;
}

/** Brokers by id. */
export interface PartitionDescription {
  readonly partition: number;
  readonly leader: number | null;
  readonly replicas: readonly number[];
  readonly inSyncReplicas: readonly number[];
}

const BROKER_DEFAULT = -1;

export class TopicAdmin {
  readonly #access: AdminAccess;

  constructor(access: AdminAccess) {
    this.#access = access;
  }

  /** Answers in the order given; see `isTopicExisting`. */
  create(
    topics: readonly NewTopic[],
    options: ChangeOptions,
  ): Promise<TopicAnswer[]> {
    const { symbols } = this.#access;
    return requestList(this.#access, topics, options, {
      doing: "create topics",
      build: (each) => this.#newTopic(each),
      destroy: symbols.rd_kafka_NewTopic_destroy,
      send: symbols.rd_kafka_CreateTopics,
      read: this.#answers(
        "create",
        symbols.rd_kafka_CreateTopics_result_topics,
      ),
    });
  }

  delete(
    topics: readonly string[],
    options: RequestOptions,
  ): Promise<TopicAnswer[]> {
    const { symbols } = this.#access;
    return requestList(this.#access, topics, options, {
      doing: "delete topics",
      build: (topic) => symbols.rd_kafka_DeleteTopic_new(cString(topic)),
      destroy: symbols.rd_kafka_DeleteTopic_destroy,
      send: symbols.rd_kafka_DeleteTopics,
      read: this.#answers(
        "delete",
        symbols.rd_kafka_DeleteTopics_result_topics,
      ),
    });
  }

  /** Adds partitions until each topic has `partitions` of them. */
  grow(
    topics: readonly { readonly topic: string; readonly partitions: number }[],
    options: ChangeOptions,
  ): Promise<TopicAnswer[]> {
    const { symbols } = this.#access;
    return requestList(this.#access, topics, options, {
      doing: "create partitions",
      build: ({ topic, partitions }) =>
        built(
          `grow topic "${topic}"`,
          (text, size) =>
            symbols.rd_kafka_NewPartitions_new(
              cString(topic),
              BigInt(partitions),
              text,
              size,
            ),
        ),
      destroy: symbols.rd_kafka_NewPartitions_destroy,
      send: symbols.rd_kafka_CreatePartitions,
      read: this.#answers(
        "create partitions of",
        symbols.rd_kafka_CreatePartitions_result_topics,
      ),
    });
  }

  /** A topic that does not exist answers with an error; see `isTopicUnknown`. */
  describe(
    topics: readonly string[],
    options: RequestOptions,
  ): Promise<TopicDescription[]> {
    return this.#describe(topics, options, (each) => this.#description(each));
  }

  /**
   * The same request as `describe`; of the answer only what is cheap to read,
   * whatever the number of partitions.
   */
  summarize(
    topics: readonly string[],
    options: RequestOptions,
  ): Promise<TopicSummary[]> {
    return this.#describe(topics, options, (each) => this.#summary(each));
  }

  async #describe<T>(
    topics: readonly string[],
    options: RequestOptions,
    read: (native: Deno.PointerObject) => T,
  ): Promise<T[]> {
    if (topics.length === 0) return [];
    const { core, symbols } = this.#access;
    using names = cStringArray(core, topics);
    const collection = symbols.rd_kafka_TopicCollection_of_topic_names(
      names.pointer,
      BigInt(topics.length),
    );
    try {
      return await this.#access.request(
        "describe topics",
        options,
        ({ client, settings, queue }) =>
          symbols.rd_kafka_DescribeTopics(client, collection, settings, queue),
        (answer) =>
          readPointerArray((length) =>
            symbols.rd_kafka_DescribeTopics_result_topics(answer, length)
          ).map(read),
      );
    } finally {
      symbols.rd_kafka_TopicCollection_destroy(collection);
    }
  }

  #newTopic(
    { topic, partitions, replicationFactor, config }: NewTopic,
  ): Deno.PointerObject {
    const { symbols } = this.#access;
    const native = built(
      `create topic "${topic}"`,
      (text, size) =>
        symbols.rd_kafka_NewTopic_new(
          cString(topic),
          partitions ?? BROKER_DEFAULT,
          replicationFactor ?? BROKER_DEFAULT,
          text,
          size,
        ),
    );
    for (const [name, value] of Object.entries(config ?? {})) {
      symbols.rd_kafka_NewTopic_set_config(
        native,
        cString(name),
        cString(value),
      );
    }
    return native;
  }

  #answers(
    doing: string,
    results: (
      answer: Deno.PointerValue,
      length: Uint8Array<ArrayBuffer>,
    ) => Deno.PointerValue,
  ): (answer: Deno.PointerObject) => TopicAnswer[] {
    const { core, symbols } = this.#access;
    return (answer) =>
      readPointerArray((length) => results(answer, length)).map((each) => {
        const topic = readCString(symbols.rd_kafka_topic_result_name(each)) ??
          "";
        const code = symbols.rd_kafka_topic_result_error(each);
        const text = readCString(
          symbols.rd_kafka_topic_result_error_string(each),
        );
        const error = code === 0
          ? null
          : errorFromCode(core, code, `${doing} topic "${topic}"`, text);
        return { topic, error };
      });
  }

  #description(native: Deno.PointerObject): TopicDescription {
    const { symbols } = this.#access;
    return {
      ...this.#named(native),
      isInternal: symbols.rd_kafka_TopicDescription_is_internal(native) === 1,
      partitions: readPointerArray((length) =>
        symbols.rd_kafka_TopicDescription_partitions(native, length)
      ).map((each) => this.#partition(each)),
    };
  }

  #summary(native: Deno.PointerObject): TopicSummary {
    const { symbols } = this.#access;
    const partitions = readPointerArray((length) =>
      symbols.rd_kafka_TopicDescription_partitions(native, length)
    );
    const [first] = partitions;
    return {
      ...this.#named(native),
      partitions: partitions.length,
      replicationFactor: first === undefined
        ? 0
        : readPointerArray((length) =>
          symbols.rd_kafka_TopicPartitionInfo_replicas(first, length)
        ).length,
    };
  }

  #named(native: Deno.PointerObject): TopicAnswer & { topicId: string } {
    const { core, symbols } = this.#access;
    const topic = readCString(symbols.rd_kafka_TopicDescription_name(native)) ??
      "";
    const id = symbols.rd_kafka_TopicDescription_topic_id(native);
    return {
      topic,
      error: readItemError(
        core,
        symbols.rd_kafka_TopicDescription_error(native),
        `describe topic "${topic}"`,
      ),
      // librdkafka writes plain base64, Kafka the kind for URLs.
      topicId: (readCString(symbols.rd_kafka_Uuid_base64str(id)) ?? "")
        .replaceAll("+", "-").replaceAll("/", "_"),
    };
  }

  #partition(native: Deno.PointerObject): PartitionDescription {
    const { symbols } = this.#access;
    const leader = symbols.rd_kafka_TopicPartitionInfo_leader(native);
    return {
      partition: symbols.rd_kafka_TopicPartitionInfo_partition(native),
      leader: leader === null ? null : symbols.rd_kafka_Node_id(leader),
      replicas: readPointerArray((length) =>
        symbols.rd_kafka_TopicPartitionInfo_replicas(native, length)
      ).map((node) => symbols.rd_kafka_Node_id(node)),
      inSyncReplicas: readPointerArray((length) =>
        symbols.rd_kafka_TopicPartitionInfo_isr(native, length)
      ).map((node) => symbols.rd_kafka_Node_id(node)),
    };
  }
}
