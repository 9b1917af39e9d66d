/**
 * librdkafka's in-process cluster: real sockets and the real protocol on
 * loopback, nothing to install.
 *
 * What it cannot do, and says so to users: it keeps records in memory only,
 * drops the oldest of a partition above 5 MB or 100,000 batches, has no topic
 * or configuration administration over the protocol, and its transactions are
 * simplified.
 */
import { throwIfError } from "./errors.ts";
import { Handle } from "./handle.ts";
import type { Library } from "./library.ts";
import { cString, NativeBlock, readCString } from "./memory.ts";
import { Producer } from "./producer.ts";

const SYMBOLS = {
  rd_kafka_mock_cluster_new: {
    parameters: ["pointer", "i32"],
    result: "pointer",
  },
  rd_kafka_mock_cluster_destroy: { parameters: ["pointer"], result: "void" },
  rd_kafka_mock_cluster_bootstraps: {
    parameters: ["pointer"],
    result: "pointer",
  },
  rd_kafka_mock_topic_create: {
    parameters: ["pointer", "buffer", "i32", "i32"],
    result: "i32",
  },
  rd_kafka_mock_partition_set_leader: {
    parameters: ["pointer", "buffer", "i32", "i32"],
    result: "i32",
  },
  rd_kafka_mock_group_initial_rebalance_delay_ms: {
    parameters: ["pointer", "i32"],
    result: "void",
  },
  // Not in older libraries, whose clusters describe nothing.
  rd_kafka_mock_set_controller_id: {
    parameters: ["pointer", "i32"],
    result: "void",
    optional: true,
  },
  rd_kafka_mock_push_request_errors_array: {
    parameters: ["pointer", "i16", "usize", "pointer"],
    result: "void",
  },
  rd_kafka_mock_broker_set_down: {
    parameters: ["pointer", "i32"],
    result: "i32",
  },
  rd_kafka_mock_broker_set_up: {
    parameters: ["pointer", "i32"],
    result: "i32",
  },
  // Not in older libraries, see `firstId`.
  rd_kafka_mock_broker_decommission: {
    parameters: ["pointer", "i32"],
    result: "i32",
    optional: true,
  },
  rd_kafka_mock_broker_set_rtt: {
    parameters: ["pointer", "i32", "i32"],
    result: "i32",
  },
} as const satisfies Deno.ForeignLibraryInterface;

type MockSymbols = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];
const opened = new Map<string, MockSymbols>();

function open(library: Library): MockSymbols {
  const symbols = opened.get(library.path) ??
    Deno.dlopen(library.path, SYMBOLS).symbols;
  opened.set(library.path, symbols);
  return symbols;
}

/** Bytes after which the mock cluster drops a partition's oldest records. */
export const MOCK_PARTITION_BYTES = 5 * 1024 * 1024;

const NOBODY = -1;

export class MockCluster implements AsyncDisposable {
  readonly #library: Library;
  readonly #symbols: MockSymbols;
  readonly #keeper: Producer;
  readonly #cluster: Handle<"cluster">;
  readonly #absent: number;

  /**
   * Starts `brokers` brokers on free loopback ports.
   * @param firstId of their ids, which follow one another: a client that moves
   * between two clusters must not meet an id twice.
   * @throws {Error} for one above 1 where the library is too old for it.
   */
  constructor(library: Library, brokers: number, firstId = 1) {
    this.#absent = firstId - 1;
    this.#library = library;
    this.#symbols = open(library);
    this.#keeper = new Producer(library, { "log_level": 0 });
    const cluster = this.#symbols.rd_kafka_mock_cluster_new(
      this.#keeper.borrowPointer(),
      this.#absent + brokers,
    );
    this.#cluster = new Handle<"cluster">(
      "embedded cluster",
      cluster,
      (each) => this.#symbols.rd_kafka_mock_cluster_destroy(each),
    );
    // The default of 3 s is for groups whose members start one by one.
    this.#symbols.rd_kafka_mock_group_initial_rebalance_delay_ms(
      this.#cluster.pointer,
      0,
    );
    // Clients wait for a controller before they ask for anything.
    this.#symbols.rd_kafka_mock_set_controller_id?.(
      this.#cluster.pointer,
      firstId,
    );
    for (let id = 1; id < firstId; id++) this.#decommission(id);
  }

  get bootstrapServers(): string {
    const all = readCString(
      this.#symbols.rd_kafka_mock_cluster_bootstraps(this.#cluster.pointer),
    ) ?? "";
    // In the order of their ids, those that were decommissioned among them.
    return all.split(",").slice(this.#absent).join(",");
  }

  createTopic(topic: string, partitions: number, replicas = 1): void {
    const code = this.#symbols.rd_kafka_mock_topic_create(
      this.#cluster.pointer,
      cString(topic),
      partitions,
      replicas,
    );
    throwIfError(this.#library.symbols, code, `create topic ${topic}`);
  }

  /** Null: nobody leads it. */
  setLeader(topic: string, partition: number, id: number | null): void {
    this.#symbols.rd_kafka_mock_partition_set_leader(
      this.#cluster.pointer,
      cString(topic),
      partition,
      id ?? NOBODY,
    );
  }

  /** The next requests of this kind are answered with these error codes. */
  failRequests(apiKey: number, codes: readonly number[]): void {
    using block = new NativeBlock(this.#library.symbols, codes.length * 4);
    codes.forEach((code, index) => block.words[index] = code);
    this.#symbols.rd_kafka_mock_push_request_errors_array(
      this.#cluster.pointer,
      apiKey,
      BigInt(codes.length),
      block.pointer,
    );
  }

  setBrokerDown(id: number): void {
    this.#symbols.rd_kafka_mock_broker_set_down(this.#cluster.pointer, id);
  }

  setBrokerUp(id: number): void {
    this.#symbols.rd_kafka_mock_broker_set_up(this.#cluster.pointer, id);
  }

  /** Delays every answer of a broker. */
  setRoundTripTime(id: number, rttMs: number): void {
    this.#symbols.rd_kafka_mock_broker_set_rtt(
      this.#cluster.pointer,
      id,
      rttMs,
    );
  }

  /** For ever, as if it had never been. */
  #decommission(id: number): void {
    const decommission = this.#symbols.rd_kafka_mock_broker_decommission;
    if (decommission === null) {
      throw new Error("this librdkafka cannot choose ids of mock brokers");
    }
    const code = decommission(this.#cluster.pointer, id);
    throwIfError(this.#library.symbols, code, `decommission broker ${id}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#cluster[Symbol.dispose]();
    await this.#keeper[Symbol.asyncDispose]();
  }
}
