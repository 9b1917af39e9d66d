/**
 * Checks the engine from outside, without its binding: kafkajs for questions
 * about groups and partitions, Kafka's Java clients for records.
 */
import type { Admin, KafkaJSError } from "kafkajs";
import { quietKafka } from "./quiet_kafkajs.ts";
import type { KafkaRecord, NewRecord } from "./record_codec.ts";
import { type Outcome, RecordPipe } from "./record_pipe.ts";
import type { RecordSession } from "./record_session.ts";
import { eventually } from "./wait.ts";

export type { Outcome } from "./record_pipe.ts";
export type { KafkaRecord, NewRecord, RecordHeader } from "./record_codec.ts";

export interface ProduceOptions {
  /** Default none. */
  readonly compression?: "none" | "gzip" | "snappy" | "lz4" | "zstd";
  /** Sends all records in one transaction that ends so. Default: none. */
  readonly transaction?: "commit" | "abort";
}

export interface ReadOptions {
  /** Default read_uncommitted, which shows records of aborted transactions. */
  readonly isolation?: "read_uncommitted" | "read_committed";
  /**
   * Goes to the high watermark in read_committed too, and so waits for open
   * transactions. Default false: ends before the first open one.
   */
  readonly awaitTransactions?: boolean;
  /** Where to begin, by partition number. Default: with the oldest record. */
  readonly from?: ReadonlyMap<number, number>;
}

export interface ConnectOptions {
  /**
   * One of another cluster, whose JVM serves this one too, request after request.
   * It must be disposed of later than this one.
   */
  readonly sharing?: IndependentClient;
}

/** A producer of `write`. */
export interface WriterOptions {
  readonly compression?: ProduceOptions["compression"];
  /** Default: it sends without transactions. */
  readonly transactionalId?: string;
  /** Of its transactions; default 10,000. */
  readonly transactionTimeoutMs?: number;
}

export interface Watermarks {
  /** Of the oldest record that is still there. */
  readonly low: number;
  /** That the next record will get, or that of the first open transaction. */
  readonly high: number;
}

export interface CommittedOffset {
  readonly offset: number;
  readonly metadata: string;
}

export class IndependentClient implements AsyncDisposable {
  static async connect(
    bootstrapServers: string,
    { sharing }: ConnectOptions = {},
  ): Promise<IndependentClient> {
    const admin = quietKafka(bootstrapServers).admin();
    await admin.connect();
    return new IndependentClient(bootstrapServers, admin, sharing);
  }

  #bootstrapServers: string;
  #admin: Admin;
  /** Started by the first use, because it costs half a second of cpu time. */
  #pipe: Promise<RecordPipe> | undefined;
  readonly #sharing: IndependentClient | undefined;

  private constructor(
    bootstrapServers: string,
    admin: Admin,
    sharing: IndependentClient | undefined,
  ) {
    this.#bootstrapServers = bootstrapServers;
    this.#admin = admin;
    this.#sharing = sharing;
  }

  /**
   * Sends records in order, idempotently and to all replicas; an iterable may be
   * lazy and endless memory is not needed. Returns their number.
   *
   * @throws {Error} when a record is not acknowledged.
   */
  async produce(
    topic: string,
    records: Iterable<NewRecord> | AsyncIterable<NewRecord>,
    options: ProduceOptions = {},
  ): Promise<number> {
    return await (await this.#records()).produce(topic, records, {
      "bootstrap.servers": this.#bootstrapServers,
      "compression.type": options.compression ?? "none",
      "batch.size": "262144",
      "linger.ms": "5",
      // The broker's limit decides.
      "max.request.size": "67108864",
      // How long to wait for a topic that does not exist.
      "max.block.ms": "60000",
      ...(options.transaction === undefined ? {} : {
        "transactional.id": `independent-${crypto.randomUUID()}`,
        "switchyard.transaction": options.transaction,
      }),
    });
  }

  /**
   * Sends records as they come, like `produce`, and tells what became of each. A
   * record that is not acknowledged within two minutes is one of unknown outcome.
   * Partitions that are added are used within seconds.
   */
  async load(
    topic: string,
    records: Iterable<NewRecord> | AsyncIterable<NewRecord>,
    told: (outcome: Outcome) => void,
  ): Promise<number> {
    return await (await this.#records()).load(topic, records, {
      "bootstrap.servers": this.#bootstrapServers,
      "compression.type": "lz4",
      "batch.size": "65536",
      "linger.ms": "5",
      "metadata.max.age.ms": "2000",
      // A broker that is silent is asked no longer than this.
      "request.timeout.ms": "5000",
      "delivery.timeout.ms": "120000",
      "max.block.ms": "120000",
    }, told);
  }

  /**
   * Several producers that send in turns, with transactions one after the other,
   * while `use` says what. `told` numbers records in the order of sending, over
   * all producers. Serves nothing else meanwhile. Returns the number of records.
   */
  async write(
    producers: readonly WriterOptions[],
    use: (session: RecordSession) => Promise<void>,
    told: (outcome: Outcome) => void = () => {},
  ): Promise<number> {
    const settings = producers.map((each) => ({
      "bootstrap.servers": this.#bootstrapServers,
      "compression.type": each.compression ?? "none",
      "linger.ms": "5",
      "metadata.max.age.ms": "2000",
      // The broker's limit decides.
      "max.request.size": "67108864",
      // A broker that is silent is asked no longer than this.
      "request.timeout.ms": "5000",
      "delivery.timeout.ms": "120000",
      "max.block.ms": "60000",
      ...(each.transactionalId === undefined ? {} : {
        "transactional.id": each.transactionalId,
        "transaction.timeout.ms": String(each.transactionTimeoutMs ?? 10_000),
      }),
    }));
    return await (await this.#records()).write(settings, use, told);
  }

  /** All records between the oldest and the end of this moment. */
  async readTopic(
    topic: string,
    options: ReadOptions = {},
  ): Promise<KafkaRecord[]> {
    const all: KafkaRecord[] = [];
    await this.visitTopic(topic, (records) => all.push(...records), options);
    return all;
  }

  /**
   * Like `readTopic`, in flat memory: `visit` gets some records at a time, each
   * partition's in the order of their offsets. Returns the number of all.
   */
  async visitTopic(
    topic: string,
    visit: (records: readonly KafkaRecord[]) => void,
    options: ReadOptions = {},
  ): Promise<number> {
    return await (await this.#records()).read(topic, visit, {
      "bootstrap.servers": this.#bootstrapServers,
      "isolation.level": options.isolation ?? "read_uncommitted",
      ...(options.awaitTransactions ? { "switchyard.end": "high" } : {}),
      ...(options.from === undefined || options.from.size === 0 ? {} : {
        "switchyard.from": Array.from(options.from, (each) => each.join(":"))
          .join(","),
      }),
      "default.api.timeout.ms": "60000",
      "max.poll.records": "5000",
      // The fetch that is in flight at the end delays the end by this much.
      "fetch.max.wait.ms": "20",
      "enable.auto.commit": "false",
      "allow.auto.create.topics": "false",
    });
  }

  /** By partition number. Markers of transactions count as records here. */
  async watermarks(topic: string): Promise<Watermarks[]> {
    const watermarks: Watermarks[] = [];
    for (const entry of await this.#admin.fetchTopicOffsets(topic)) {
      watermarks[entry.partition] = {
        low: Number(entry.low),
        high: Number(entry.high),
      };
    }
    return watermarks;
  }

  async partitionCount(topic: string): Promise<number> {
    const { topics } = await this.#admin.fetchTopicMetadata({
      topics: [topic],
    });
    return topics[0]?.partitions.length ?? 0;
  }

  async topics(): Promise<string[]> {
    return await this.#admin.listTopics();
  }

  /** By partition number; undefined where the group has committed nothing. */
  async committedOffsets(
    group: string,
    topic: string,
  ): Promise<(CommittedOffset | undefined)[]> {
    const [found] = await whenCoordinated(() =>
      this.#admin.fetchOffsets({ groupId: group, topics: [topic] })
    );
    const committed: (CommittedOffset | undefined)[] = [];
    for (const entry of found?.partitions ?? []) {
      committed[entry.partition] = entry.offset === "-1"
        ? undefined
        : { offset: Number(entry.offset), metadata: entry.metadata ?? "" };
    }
    return committed;
  }

  /** Deletes the records of one partition below `beforeOffset`. */
  async deleteRecords(
    topic: string,
    partition: number,
    beforeOffset: number,
  ): Promise<void> {
    // kafkajs finds the leaders only of topics that it was asked about before.
    await this.#admin.fetchTopicOffsets(topic);
    await this.#admin.deleteTopicRecords({
      topic,
      partitions: [{ partition, offset: String(beforeOffset) }],
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#admin.disconnect();
    await (await this.#pipe)?.[Symbol.asyncDispose]();
  }

  #records(): Promise<RecordPipe> {
    if (this.#sharing !== undefined) return this.#sharing.#records();
    return this.#pipe ??= RecordPipe.start();
  }
}

/** The first question about any group makes the broker load its coordinator. */
async function whenCoordinated<T>(ask: () => Promise<T>): Promise<T> {
  let fatal: unknown;
  const answer = await eventually(
    async () => {
      try {
        return await ask();
      } catch (error) {
        if ((error as KafkaJSError).retriable) throw error;
        fatal = error;
        return "failed" as const;
      }
    },
    { what: "answered by the group's coordinator" },
  );
  if (answer === "failed") throw fatal;
  return answer;
}
