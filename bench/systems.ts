/**
 * What is measured. Every system is a command that runs until SIGTERM, or until
 * it has processed all, and is told by the same variables what to do:
 * PRIMARY_BROKERS, INPUT_TOPIC, OUTPUT_TOPIC, GROUP_ID, WORKERS.
 */
import { UsageError } from "./options.ts";
import {
  javaClassPath,
  nodeProgram,
  peersFolder,
  streamsFolder,
} from "./paths.ts";

export type Family = "switchyard" | "kafka-streams" | "javascript";

export interface System {
  readonly name: string;
  readonly label: string;
  readonly family: Family;
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Processes in one consumer group. */
  readonly processes: number;
  /** Left out unless asked for by name or by `all`. */
  readonly optional: boolean;
}

const WORKERS = 2;
/** Linger and batch size that every throughput run has where it can. */
const LINGER_MS = "20";
const BATCH_BYTES = "1000000";

export function throughputSystems(
  ours: readonly string[],
  messages: number,
  collectorUrl: string,
): readonly System[] {
  const run = [...ours, "--messages", String(messages)];
  const batching = {
    PRIMARY_PRODUCER_LINGER_MS: LINGER_MS,
    PRIMARY_PRODUCER_BATCH_SIZE: BATCH_BYTES,
  };
  const confluent = javascript(
    "confluent",
    "confluent-kafka-javascript 1.10.1, callbacks",
  );
  return [
    kafkaStreams("kafka-streams", "at_least_once", batchedStreams),
    kafkaStreams("kafka-streams-eos", "exactly_once_v2", [
      ...batchedStreams,
      "processing.guarantee=exactly_once_v2",
    ]),
    javascript("kafkajs", "kafkajs 2.2.4, eachBatch"),
    javascript("platformatic", "@platformatic/kafka 2.12.1"),
    confluent,
    twice(confluent),
    switchyard("switchyard", `${WORKERS} workers`, run, batching),
    switchyard(
      "switchyard-headers",
      `${WORKERS} workers, a header and a timestamp on each output`,
      run,
      {
        ...batching,
        PROCESSOR: "bench/processors/user_login_headers.ts",
      },
    ),
    switchyard(
      "switchyard-defaults",
      `${WORKERS} workers, its own linger of 2 ms`,
      run,
      {},
    ),
    switchyard("switchyard-eos", `${WORKERS} workers, exactly once`, run, {
      ...batching,
      GUARANTEE: "exactly-once",
    }),
    switchyard("switchyard-1", "1 worker", run, { ...batching, WORKERS: "1" }),
    switchyard("switchyard-4", "4 workers", run, { ...batching, WORKERS: "4" }),
    optional(
      switchyard("switchyard-otel", `${WORKERS} workers, OTLP`, run, {
        ...batching,
        OTEL_EXPORTER_OTLP_ENDPOINT: collectorUrl,
      }),
    ),
    optional(
      switchyard(
        "switchyard-otel-all",
        `${WORKERS} workers, OTLP, every batch traced`,
        run,
        {
          ...batching,
          OTEL_EXPORTER_OTLP_ENDPOINT: collectorUrl,
          OTEL_TRACES_SAMPLER: "parentbased_always_on",
        },
      ),
    ),
  ];
}

export function latencySystems(ours: readonly string[]): readonly System[] {
  return [
    kafkaStreams("kafka-streams", "linger 0", [
      "consumer.auto.offset.reset=earliest",
      "producer.linger.ms=0",
    ]),
    kafkaStreams("kafka-streams-defaults", "its own linger of 100 ms", [
      "consumer.auto.offset.reset=earliest",
    ]),
    optional(
      kafkaStreams("kafka-streams-eos", "exactly_once_v2 each 20 ms", [
        "consumer.auto.offset.reset=earliest",
        "producer.linger.ms=0",
        "processing.guarantee=exactly_once_v2",
        "commit.interval.ms=20",
      ]),
    ),
    optional(
      switchyard("switchyard-eos", "exactly once each 20 ms", ours, {
        PRIMARY_PRODUCER_LINGER_MS: "0",
        GUARANTEE: "exactly-once",
        COMMIT_INTERVAL_MS: "20",
      }),
    ),
    switchyard("switchyard", "linger 0", ours, {
      PRIMARY_PRODUCER_LINGER_MS: "0",
    }),
    switchyard("switchyard-defaults", "its own linger of 2 ms", ours, {}),
  ];
}

/** @throws {UsageError} when a name is unknown. */
export function select<T extends Pick<System, "name" | "optional">>(
  systems: readonly T[],
  names: readonly string[] | null,
): readonly T[] {
  if (names === null) return systems.filter(({ optional }) => !optional);
  if (names.includes("all")) return systems;
  return names.map((name) => {
    const found = systems.find((system) => system.name === name);
    if (found !== undefined) return found;
    const known = systems.map((system) => system.name).join(", ");
    throw new UsageError(`no system "${name}"; there are ${known}`);
  });
}

const batchedStreams = [
  "consumer.auto.offset.reset=earliest",
  `producer.linger.ms=${LINGER_MS}`,
  `producer.batch.size=${BATCH_BYTES}`,
];

function kafkaStreams(
  name: string,
  variant: string,
  properties: readonly string[],
): System {
  return {
    name,
    label: `Kafka Streams 4.3.1, ${WORKERS} threads, ${variant}`,
    family: "kafka-streams",
    command: [
      "java",
      "-cp",
      javaClassPath(streamsFolder),
      "bench.LoginStream",
      ...properties,
    ],
    env: { WORKERS: String(WORKERS) },
    processes: 1,
    optional: false,
  };
}

function javascript(name: string, label: string): System {
  return {
    name,
    label,
    family: "javascript",
    command: [nodeProgram, `${peersFolder}/${name}/index.js`],
    env: {},
    processes: 1,
    optional: false,
  };
}

function optional(system: System): System {
  return { ...system, optional: true };
}

function twice(system: System): System {
  return {
    ...system,
    name: `${system.name}-x2`,
    label: `${system.label}, 2 processes`,
    processes: 2,
  };
}

function switchyard(
  name: string,
  variant: string,
  command: readonly string[],
  env: Readonly<Record<string, string>>,
): System {
  return {
    name,
    label: `**Switchyard**, ${variant}`,
    family: "switchyard",
    command,
    env: { WORKERS: String(WORKERS), HTTP_PORT: "0", ...env },
    processes: 1,
    optional: false,
  };
}
