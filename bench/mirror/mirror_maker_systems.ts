/** MirrorMaker 2 as those run it who have tuned it, and as it comes. */
import { writeProperties } from "../../tests/support/kafka_properties.ts";
import { kafkaRuntime } from "../../tests/support/kafka_runtime.ts";
import { mirrorMakerCommand } from "../../tests/support/mirror_maker.ts";
import {
  mirrorMakerProperties,
  type MirrorMakerSettings,
} from "../../tests/support/mirror_maker_properties.ts";
import { type MirrorSystem, SOURCE_ALIAS, TARGET_ALIAS } from "./system.ts";

/** Heap and collector as `connect-mirror-maker.sh` sets them. */
const USUAL = {
  tasks: 2,
  heapMb: 2048,
  jvmFlags: [
    "-Xms256m",
    "-server",
    "-XX:+UseG1GC",
    "-XX:MaxGCPauseMillis=20",
    "-XX:InitiatingHeapOccupancyPercent=35",
    "-XX:+ExplicitGCInvokesConcurrent",
  ],
} as const;

interface Tuning extends
  Pick<
    MirrorMakerSettings,
    "consumer" | "producer" | "isExactlyOnce" | "tasks" | "properties"
  > {
  readonly heapMb?: number;
  readonly jvmFlags?: readonly string[];
}

const THROUGHPUT_CONSUMER = {
  "fetch.max.bytes": String(64 << 20),
  "max.partition.fetch.bytes": String(4 << 20),
  "max.poll.records": "10000",
  "receive.buffer.bytes": "-1",
};
const THROUGHPUT_PRODUCER = {
  "linger.ms": "20",
  "batch.size": "1000000",
  "buffer.memory": String(128 << 20),
  "max.request.size": String(8 << 20),
  "send.buffer.bytes": "-1",
};

const TUNED: Tuning = {
  consumer: THROUGHPUT_CONSUMER,
  producer: THROUGHPUT_PRODUCER,
};
const TUNED_EXACTLY_ONCE: Tuning = { ...TUNED, isExactlyOnce: true };

/** The optional ones show which tuning is the best on a machine. */
export const mirrorMakerThroughput: readonly MirrorSystem[] = [
  mirrorMaker("mm2", "at least once", TUNED),
  mirrorMaker("mm2-eos", "exactly once", TUNED_EXACTLY_ONCE),
  ...[
    mirrorMaker("mm2-defaults", "at least once, its defaults", {}),
    mirrorMaker("mm2-parallel-gc", "at least once, parallel collector", {
      ...TUNED,
      jvmFlags: ["-XX:+UseParallelGC"],
    }),
    mirrorMaker("mm2-heap-512", "at least once, heap of 512 MB", {
      ...TUNED,
      heapMb: 512,
    }),
    mirrorMaker("mm2-poll-2000", "at least once, 2,000 records a poll", {
      ...TUNED,
      consumer: { ...THROUGHPUT_CONSUMER, "max.poll.records": "2000" },
    }),
    mirrorMaker("mm2-batch-256k", "at least once, batches of 256 KB", {
      ...TUNED,
      producer: { ...THROUGHPUT_PRODUCER, "batch.size": String(256 << 10) },
    }),
    mirrorMaker("mm2-lz4", "at least once, lz4", {
      ...TUNED,
      producer: { ...THROUGHPUT_PRODUCER, "compression.type": "lz4" },
    }),
    mirrorMaker("mm2-tasks-4", "at least once", { ...TUNED, tasks: 4 }),
    mirrorMaker("mm2-eos-interval", "exactly once each 200 ms", {
      ...TUNED_EXACTLY_ONCE,
      properties: transactionsEach(200),
    }),
  ].map(optional),
];

export const mirrorMakerLatency: readonly MirrorSystem[] = [
  mirrorMaker("mm2", "at least once, linger 0", {
    consumer: { "max.poll.records": "10000" },
    producer: { "linger.ms": "0" },
  }),
  mirrorMaker("mm2-eos", "exactly once, linger 0", {
    isExactlyOnce: true,
    consumer: { "max.poll.records": "10000" },
    producer: { "linger.ms": "0" },
  }),
  optional(
    mirrorMaker("mm2-throughput", "at least once, tuned for throughput", TUNED),
  ),
];

function mirrorMaker(
  name: string,
  variant: string,
  tuning: Tuning,
): MirrorSystem {
  const { heapMb, jvmFlags, ...settings } = { ...USUAL, ...tuning };
  return {
    name,
    label: `MirrorMaker 2 4.3.1, ${settings.tasks} tasks, ${variant}`,
    family: "mirror-maker",
    optional: false,
    async program({ primaryBrokers, secondaryBrokers, topic, policy, folder }) {
      const file = `${folder}/mm2.properties`;
      await writeProperties(
        file,
        mirrorMakerProperties({
          source: { alias: SOURCE_ALIAS, brokers: primaryBrokers },
          target: { alias: TARGET_ALIAS, brokers: secondaryBrokers },
          topics: [topic],
          policy,
          ...settings,
        }),
      );
      const command = mirrorMakerCommand(await kafkaRuntime(), file, {
        heapMb,
        jvmFlags,
      });
      return { command, env: {} };
    },
  };
}

function optional(system: MirrorSystem): MirrorSystem {
  return { ...system, optional: true };
}

/** Connect's default is one for each poll of a task. */
function transactionsEach(ms: number): Record<string, string> {
  const flow = `${SOURCE_ALIAS}->${TARGET_ALIAS}`;
  return {
    [`${flow}.transaction.boundary`]: "interval",
    [`${flow}.transaction.boundary.interval.ms`]: String(ms),
  };
}
