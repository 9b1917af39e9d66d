/** MirrorMaker 2 as those run it who have tuned it, and as it comes. */
import { writeProperties } from "../../tests/support/kafka_properties.ts";
import { kafkaRuntime } from "../../tests/support/kafka_runtime.ts";
import { mirrorMakerCommand } from "../../tests/support/mirror_maker.ts";
import {
  mirrorMakerProperties,
  type MirrorMakerSettings,
} from "../../tests/support/mirror_maker_properties.ts";
import { type MirrorSystem, SOURCE_ALIAS, TARGET_ALIAS } from "./system.ts";

const TASKS = 2;
/** As `connect-mirror-maker.sh` starts it. */
const HEAP_MB = 2048;
const JVM_FLAGS = [
  "-Xms256m",
  "-server",
  "-XX:+UseG1GC",
  "-XX:MaxGCPauseMillis=20",
  "-XX:InitiatingHeapOccupancyPercent=35",
  "-XX:+ExplicitGCInvokesConcurrent",
];

type Tuning = Pick<
  MirrorMakerSettings,
  "consumer" | "producer" | "isExactlyOnce" | "properties"
>;

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

export const mirrorMakerThroughput: readonly MirrorSystem[] = [
  mirrorMaker("mm2", "at least once", {
    consumer: THROUGHPUT_CONSUMER,
    producer: THROUGHPUT_PRODUCER,
  }),
  mirrorMaker("mm2-eos", "exactly once", {
    isExactlyOnce: true,
    consumer: THROUGHPUT_CONSUMER,
    producer: THROUGHPUT_PRODUCER,
  }),
  optional(
    mirrorMaker("mm2-eos-interval", "exactly once each 200 ms", {
      isExactlyOnce: true,
      consumer: THROUGHPUT_CONSUMER,
      producer: THROUGHPUT_PRODUCER,
      properties: boundary("interval", 200),
    }),
  ),
  optional(mirrorMaker("mm2-defaults", "at least once, its defaults", {})),
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
    mirrorMaker("mm2-throughput", "at least once, tuned for throughput", {
      consumer: THROUGHPUT_CONSUMER,
      producer: THROUGHPUT_PRODUCER,
    }),
  ),
];

function mirrorMaker(
  name: string,
  variant: string,
  tuning: Tuning,
): MirrorSystem {
  return {
    name,
    label: `MirrorMaker 2 4.3.1, ${TASKS} tasks, ${variant}`,
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
          tasks: TASKS,
          ...tuning,
        }),
      );
      const command = mirrorMakerCommand(await kafkaRuntime(), file, {
        heapMb: HEAP_MB,
        jvmFlags: JVM_FLAGS,
      });
      return { command, env: {} };
    },
  };
}

function optional(system: MirrorSystem): MirrorSystem {
  return { ...system, optional: true };
}

/** When Connect ends a transaction: by default after each poll of a task. */
function boundary(kind: "interval", ms: number): Record<string, string> {
  const flow = `${SOURCE_ALIAS}->${TARGET_ALIAS}`;
  return {
    [`${flow}.transaction.boundary`]: kind,
    [`${flow}.transaction.boundary.interval.ms`]: String(ms),
  };
}
