/**
 * Unmodified clients at work while their cluster is exchanged: librdkafka's by
 * our binding, with nothing of Switchyard's but the calls, and Kafka's own tools.
 * What each of them got done is kept with its time.
 */
import type {
  ConsumerProperties,
  ProducerProperties,
} from "../../src/kafka/mod.ts";
import { Member, Sender } from "./embedded.ts";
import { pause } from "./pause.ts";
import { VerifiableTool } from "./verifiable_tool.ts";

/** A record that was acknowledged or received. */
export interface Done {
  readonly offset: number;
  /** Ms since the epoch. */
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

const EVERY_MS = 10;

/** Sends a small record every 10 ms. */
export function rdkafkaProducer(
  { bootstrapServers, properties, topic }: ClientOptions,
): FollowedClient {
  const sender = new Sender(bootstrapServers, properties as ProducerProperties);
  const done: Done[] = [];
  sender.onOffset = (_, offset) => done.push({ offset, atMs: Date.now() });
  const stop = new AbortController();
  const running = (async () => {
    for (let index = 0; !stop.signal.aborted; index++) {
      sender.outbox.add(1, index, { topic, value: `rdkafka ${index}` });
      sender.outbox.send();
      sender.events.push(...sender.outbox.collect());
      await pause(EVERY_MS, stop.signal);
    }
  })();
  return {
    name: "librdkafka producer",
    done: () => done,
    failures: () =>
      sender.reports.filter(({ code }) => code !== 0)
        .map(({ code, index }) => `record ${index}: ${code}`),
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
      await sender[Symbol.asyncDispose]();
    },
  };
}

export function rdkafkaConsumer(
  { bootstrapServers, group, properties, topic }: ClientOptions,
): FollowedClient {
  const member = new Member(bootstrapServers, {
    "group.id": group,
    ...properties,
  } as ConsumerProperties);
  member.consumer.subscribe([topic]);
  const done: Done[] = [];
  const stop = new AbortController();
  const running = (async () => {
    while (!stop.signal.aborted) {
      await member.step();
      for (const { offset } of member.received.slice(done.length)) {
        done.push({ offset, atMs: Date.now() });
      }
    }
  })();
  return {
    name: "librdkafka consumer",
    done: () => done,
    failures: () => member.failures.map(({ error }) => error.message),
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
      await member[Symbol.asyncDispose]();
    },
  };
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
    done: () =>
      tool.named("producer_send_success").map(({ offset, timestamp }) => ({
        offset: offset!,
        atMs: timestamp,
      })),
    failures: () => [
      ...tool.named("producer_send_error").map(({ message }) => `${message}`),
      ...endOf(tool),
    ],
    [Symbol.asyncDispose]: () => tool[Symbol.asyncDispose](),
  };
}

/** `kafka-verifiable-consumer.sh`. */
export async function javaConsumer(
  { bootstrapServers, group, properties, topic }: ClientOptions,
): Promise<FollowedClient> {
  const tool = await VerifiableTool.start({
    tool: "VerifiableConsumer",
    bootstrapServers,
    topic,
    args: ["--group-id", group, "--reset-policy", "earliest"],
    properties: texts(properties),
  });
  return {
    name: "Java consumer",
    done: () =>
      tool.named("records_consumed").flatMap(({ partitions, timestamp }) =>
        partitions!.flatMap(({ minOffset, maxOffset }) =>
          Array.from({ length: maxOffset - minOffset + 1 }, (_, at) => ({
            offset: minOffset + at,
            atMs: timestamp,
          }))
        )
      ),
    failures: () => endOf(tool),
    [Symbol.asyncDispose]: () => tool[Symbol.asyncDispose](),
  };
}

const texts = (properties: ClientOptions["properties"] = {}) =>
  Object.fromEntries(
    Object.entries(properties).map(([name, value]) => [name, `${value}`]),
  );

const endOf = (tool: VerifiableTool) =>
  tool.alive ? [] : [`it has ended: ${tool.complaints.slice(-5).join("\n")}`];
