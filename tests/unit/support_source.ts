/** A source cluster without one, for what is asked of it about damage. */
import {
  type Admin,
  ErrorCode,
  KafkaError,
  type OffsetQuery,
} from "../../src/kafka/mod.ts";

export const refused = (code: number) =>
  new KafkaError("refused", { code, codeName: "" });

export interface FakeLog {
  start: number;
  end: number;
  epoch: number;
}

/** A source of topics whose partitions are all alike. */
export class Source {
  readonly ids = new Map<string, string | KafkaError>();
  readonly logs = new Map<string, FakeLog>();
  readonly asked: (readonly string[])[] = [];
  /** Requests for offsets: how many partitions each asked for. */
  readonly offsetRequests: number[] = [];
  /** Runs when the first look, which asks for ids twice, is over. */
  afterLook = () => {};
  failure: KafkaError | null = null;
  /** Runs before offsets are answered. */
  beforeOffsets = () => {};

  add(topic: string, id: string, log: FakeLog): void {
    this.ids.set(topic, id);
    this.logs.set(topic, log);
  }

  readonly admin = {
    topics: {
      summarize: async (topics: readonly string[]) => {
        this.asked.push(topics);
        await Promise.resolve();
        if (this.failure !== null) throw this.failure;
        const answers = topics.map((topic) => {
          const id = this.ids.get(topic) ??
            refused(ErrorCode.unknownTopicOrPartition);
          return typeof id === "string"
            ? { topic, topicId: id, error: null }
            : { topic, topicId: "", error: id };
        });
        if (this.asked.length === 2) this.afterLook();
        return answers;
      },
    },
    partitions: {
      offsets: async (queries: readonly OffsetQuery[]) => {
        this.offsetRequests.push(queries.length);
        await Promise.resolve();
        this.beforeOffsets();
        return queries.map(({ topic, partition, at }) => {
          const log = this.logs.get(topic);
          return {
            topic,
            partition,
            offset: log === undefined
              ? null
              : at === "earliest"
              ? log.start
              : log.end,
            leaderEpoch: log?.epoch ?? null,
            timestampMs: null,
            error: log === undefined
              ? refused(ErrorCode.unknownTopicOrPartition)
              : null,
          };
        });
      },
    },
  } as unknown as Pick<Admin, "topics" | "partitions">;
}
