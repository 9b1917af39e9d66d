/**
 * Unmodified clients at work while their cluster is exchanged: librdkafka's and
 * Kafka's own tools, each a process. What each of them got done is kept with its
 * time.
 */
import { RdkafkaClient } from "./rdkafka_client.ts";
import { type ToolEvent, VerifiableTool } from "./verifiable_tool.ts";

/** A record that was acknowledged or received. */
export interface Done {
  readonly partition: number;
  readonly offset: number;
  /** Of the record; no two of a test have the same. */
  readonly value: string;
  /** Ms since the epoch, by the clock of this machine. */
  readonly atMs: number;
}

export interface FollowedClient extends AsyncDisposable {
  readonly name: string;
  /** So far, in the order in which it happened. */
  done(): readonly Done[];
  /** What it could not do, for good. */
  failures(): readonly string[];
}

export interface ClientOptions {
  readonly bootstrapServers: string;
  readonly topic: string;
  readonly group: string;
  /** Settings that both libraries have under the same name. */
  readonly properties?: Readonly<Record<string, string | number>>;
}

/** Sends a small record every 10 ms. */
const QUICK_START = {
  "socket.connection.setup.timeout.ms": 1_000,
  "metadata.recovery.rebootstrap.trigger.ms": 2_000,
};
/** Settings of those that a cluster which hangs must not cost a minute. */
export const impatient = {
  rdkafka: { ...QUICK_START, "socket.timeout.ms": 3_000 },
  java: {
    ...QUICK_START,
    "socket.connection.setup.timeout.max.ms": 1_000,
    "request.timeout.ms": 3_000,
    // For commits that are waited for, as the consumer tool does.
    "default.api.timeout.ms": 5_000,
  },
};

export async function rdkafkaProducer(
  { bootstrapServers, properties, topic }: ClientOptions,
): Promise<FollowedClient> {
  const client = await RdkafkaClient.start({
    mode: "produce",
    topic,
    properties: { "bootstrap.servers": bootstrapServers, ...properties },
  });
  return followed("librdkafka producer", client);
}

/** It commits every 5 s, by default. */
export async function rdkafkaConsumer(
  { bootstrapServers, group, properties, topic }: ClientOptions,
): Promise<FollowedClient> {
  const client = await RdkafkaClient.start({
    mode: "consume",
    topic,
    properties: {
      "bootstrap.servers": bootstrapServers,
      "group.id": group,
      "auto.offset.reset": "earliest",
      ...properties,
    },
  });
  return followed("librdkafka consumer", client);
}

/** `kafka-verifiable-producer.sh`, 100 records a second. */
export async function javaProducer(
  { bootstrapServers, properties, topic }: ClientOptions,
): Promise<FollowedClient> {
  const tool = await VerifiableTool.start({
    tool: "VerifiableProducer",
    bootstrapServers,
    topic,
    args: ["--throughput", "100"],
    // The producer's own default, which the tool replaces by none.
    properties: texts({ retries: 2_147_483_647, ...properties }),
  });
  return {
    name: "Java producer",
    done: () => tool.named("producer_send_success").map(doneOf),
    failures: () => [
      ...tool.named("producer_send_error").map(({ message }) => `${message}`),
      ...endOf(tool),
    ],
    [Symbol.asyncDispose]: () => tool[Symbol.asyncDispose](),
  };
}

/** `kafka-verifiable-consumer.sh`, which commits each batch. */
export async function javaConsumer(
  { bootstrapServers, group, properties, topic }: ClientOptions,
): Promise<FollowedClient> {
  const tool = await VerifiableTool.start({
    tool: "VerifiableConsumer",
    bootstrapServers,
    topic,
    args: ["--group-id", group, "--reset-policy", "earliest", "--verbose"],
    properties: texts(properties),
  });
  return {
    name: "Java consumer",
    done: () => tool.named("record_data").map(doneOf),
    failures: () => endOf(tool),
    [Symbol.asyncDispose]: () => tool[Symbol.asyncDispose](),
  };
}

const texts = (properties: ClientOptions["properties"] = {}) =>
  Object.fromEntries(
    Object.entries(properties).map(([name, value]) => [name, `${value}`]),
  );

const doneOf = (
  { offset, partition, timestamp, value }: ToolEvent,
): Done => ({
  partition: partition!,
  offset: offset!,
  value: value!,
  atMs: timestamp,
});

const followed = (name: string, client: RdkafkaClient): FollowedClient => ({
  name,
  done: () => client.records,
  failures: () => [...client.errors, ...endOf(client)],
  [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
});

const endOf = (tool: VerifiableTool | RdkafkaClient) =>
  tool.alive ? [] : [`it has ended: ${tool.complaints.slice(-5).join("\n")}`];
