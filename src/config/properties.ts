import type {
  ConsumerGlobalConfig,
  ConsumerTopicConfig,
  GlobalConfig,
  ProducerGlobalConfig,
  ProducerTopicConfig,
} from "@confluentinc/kafka-javascript/types/config";

const commitsAreOurs =
  "the engine commits an offset once all before it is settled";
const storesAreOurs = "offsets are kept by the group on the cluster";
const programOnly = "it can be set by a program only, not by text";

/** librdkafka properties that the engine owns, each with the reason. */
const ownedProperties = {
  "bootstrap.servers": "use brokers",
  "metadata.broker.list": "use brokers",
  "group.id": "use groupId",
  "log_level": "use logLevel",
  "log.queue": "the engine reads librdkafka's log from a queue",
  "enabled_events": "the engine chooses the events that it polls",
  "queued.max.messages.kbytes": "use fetchQueueKbytes",
  "queue.buffering.max.messages": "use pendingRecords",
  "queue.buffering.max.kbytes": "use pendingKbytes",
  "enable.auto.commit": commitsAreOurs,
  "auto.commit.enable": commitsAreOurs,
  "enable.auto.offset.store": commitsAreOurs,
  "auto.commit.interval.ms": "use commitIntervalMs",
  "offset.store.method": storesAreOurs,
  "offset.store.path": storesAreOurs,
  "offset.store.sync.interval.ms": storesAreOurs,
  "enable.partition.eof": "the engine decides whether it needs these events",
  "partition.assignment.strategy":
    "partitions are assigned incrementally, which needs cooperative-sticky",
  "delivery.report.only.error":
    "an offset is committed only after every delivery report",
  "acks": "nothing may be lost, so all in-sync replicas acknowledge",
  "request.required.acks":
    "nothing may be lost, so all in-sync replicas acknowledge",
  "transactional.id": "the engine names its transactions after groupId",
  "interceptors": programOnly,
  "opaque": programOnly,
  "default_topic_conf": programOnly,
  "msg_order_cmp": programOnly,
  "ssl_key": programOnly,
  "ssl_certificate": programOnly,
  "ssl_ca": programOnly,
  "ssl_engine_callback_data": programOnly,
} as const satisfies Record<string, string>;

type Owned = keyof typeof ownedProperties | `${string}_cb`;

/**
 * Pass-through properties, named and typed by the package. Values from the
 * environment are text even where the type says number or boolean: librdkafka
 * itself parses text, so write each with `String(value)`.
 */
export type KafkaProperties = Omit<GlobalConfig, Owned>;
export type ConsumerProperties = Omit<
  ConsumerGlobalConfig & ConsumerTopicConfig,
  Owned
>;
export type ProducerProperties = Omit<
  ProducerGlobalConfig & ProducerTopicConfig,
  Owned
>;

const dotted = (name: string) => name.replaceAll("_", ".");
const reasons = new Map(
  Object.entries(ownedProperties).map(([name, why]) => [dotted(name), why]),
);

/**
 * Why a property cannot be set, or undefined. Dots and underscores count as
 * the same: an environment variable cannot tell them apart, and every
 * librdkafka property with an underscore is one that the engine owns.
 */
export function ownershipReason(property: string): string | undefined {
  const name = dotted(property);
  if (name.endsWith(".cb")) return "callbacks are the engine's";
  return reasons.get(name);
}

/** The owned properties grouped by their reason, for the reference page. */
export function ownedByReason(): ReadonlyMap<string, readonly string[]> {
  return Map.groupBy(
    Object.keys(ownedProperties),
    (name) => reasons.get(dotted(name)) ?? "",
  );
}

/** Lower-case words joined by dots or underscores, as librdkafka's all are. */
export function isPropertyName(name: string): boolean {
  return /^[a-z0-9]+(?:[._][a-z0-9]+)*$/.test(name);
}

/**
 * Whether a property's value must not be shown. Decided by pattern, so that
 * secrets of later librdkafka versions and of plugins are covered too.
 */
export function looksSecret(property: string): boolean {
  return /password|passphrase|secret|token$|[._]pem$|oauthbearer\.config$/i
    .test(property);
}
