/** The librdkafka properties of the job's clients, out of the settings. */
import { ourClientId } from "../../dr/formats/mod.ts";
import type { ClusterSettings, Settings } from "../config/mod.ts";
import type {
  ClientProperties,
  ConsumerProperties,
  ProducerProperties,
} from "../kafka/mod.ts";
import type { OffsetReset } from "../pool/mod.ts";

/** librdkafka's own default. */
const PARTITION_FETCH_BYTES = 2 ** 20;
/** Kafka's own default for topics. */
const LARGEST_BATCH_BYTES = 1_048_588;
/** What a batch takes beside its only record. */
const BATCH_HEADER_BYTES = 61;

const KIB = 1024;

export interface ClientSettings {
  readonly consumer: ConsumerProperties;
  readonly producer: ProducerProperties;
  /** What every client of the cluster has. */
  readonly admin: ClientProperties;
  readonly offsetReset: OffsetReset;
}

export interface ClientLimits {
  /** That the output topics take. */
  readonly largestBatchBytes?: number;
  /**
   * Most of one partition in one fetch answer, which brings eight times as much
   * at most: all that is in memory beyond the fetch queues.
   */
  readonly partitionFetchBytes?: number;
}

/** @param brokers of the cluster, which may be the embedded one */
export function clientSettings(
  settings: Settings,
  cluster: ClusterSettings,
  brokers: string,
  {
    largestBatchBytes = LARGEST_BATCH_BYTES,
    partitionFetchBytes = PARTITION_FETCH_BYTES,
  }: ClientLimits = {},
): ClientSettings {
  const isExactlyOnce = settings.guarantee === "exactly-once";
  const common = {
    "bootstrap.servers": brokers,
    "client.id": `switchyard-${settings.instanceId}`,
    // Our own log chooses, since its level can change. It costs next to nothing:
    // what is less severe than "info" needs the property `debug` as well.
    "log_level": 7,
    "socket.keepalive.enable": true,
    "socket.nagle.disable": true,
    // As Java's clients: by librdkafka's 10 s all would stand still for so long
    // after an outage that is over.
    "reconnect.backoff.max.ms": 1_000,
  };
  const consumer = {
    ...common,
    "group.id": settings.groupId,
    // A killed instance holds its partitions this long.
    ...(isKip848(cluster) ? {} : { "session.timeout.ms": 10_000 }),
    // The default of 1 s between two looks at a full queue costs 3 to 6 times
    // the throughput (bench/README.md).
    "fetch.queue.backoff.ms": 2,
    "fetch.max.bytes": 8 * partitionFetchBytes,
    "max.partition.fetch.bytes": partitionFetchBytes,
    // For small records: they cost more by their number than by their bytes.
    "queued.min.messages": 20_000,
    "queued.max.messages.kbytes": settings.fetchQueueKbytes,
    ...cluster.kafka,
    ...cluster.consumer,
    ...(isExactlyOnce ? { "isolation.level": "read_committed" } : {}),
  };
  const { "auto.offset.reset": reset, ...rest } = consumer as
    & typeof consumer
    & { "auto.offset.reset"?: string };
  const hasTwo = settings.secondary.brokers !== null;
  const id = consumer["client.id"];
  return {
    admin: { ...common, ...cluster.kafka } as ClientProperties,
    consumer: {
      ...rest,
      "client.id": hasTwo ? ourClientId(id) : id,
      // The pool itself applies the policy, see src/pool/start_offsets.ts.
      "auto.offset.reset": "error",
    } as ConsumerProperties,
    producer: {
      ...common,
      // What a topic would refuse is refused here: a record that the cluster
      // refuses leaves a gap in the idempotent producer's sequence, and
      // librdkafka 2.15 may stall over it (found by tests of fuzzed records).
      "message.max.bytes": Math.min(
        largestBatchBytes - BATCH_HEADER_BYTES,
        settings.pendingKbytes * KIB,
      ),
      "enable.idempotence": true,
      "linger.ms": 2,
      // The pool bounds what is under way.
      "queue.buffering.max.messages": 0,
      "queue.buffering.max.kbytes": 2_097_151,
      ...(isExactlyOnce
        ? {
          // What is late makes its transaction void, and is repeated.
          "transaction.timeout.ms": settings.transactionTimeoutMs,
          "message.timeout.ms": settings.transactionTimeoutMs,
        }
        // An output is never given up.
        : { "message.timeout.ms": 0 }),
      ...cluster.kafka,
      ...cluster.producer,
    } as ProducerProperties,
    offsetReset: offsetReset(reset),
  };
}

function isKip848(cluster: ClusterSettings): boolean {
  const properties: Readonly<Record<string, unknown>> = {
    ...cluster.kafka,
    ...cluster.consumer,
  };
  return properties["group.protocol"] === "consumer";
}

/** librdkafka's names and their synonyms. */
function offsetReset(value: string | undefined): OffsetReset {
  switch (value) {
    case "latest":
    case "largest":
    case "end":
      return "latest";
    case "error":
      return "error";
    default:
      return "earliest";
  }
}
